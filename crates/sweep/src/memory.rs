//! Estimates the memory that training needs, and reads the memory that this machine has.

use isoflop_model::{ModelConfig, ParamCount};

const FLOAT: f64 = 4.0;

/// Bytes of activations that a backward pass may keep; a batch that takes more is split. The split
/// affects the bits of a loss, so the limit is the same on every machine.
const ACTIVATIONS: f64 = 2.0 * 1024.0 * 1024.0 * 1024.0;

/// Windows per forward pass: as many of a step's windows as keep [`ACTIVATIONS`] bytes, but at
/// least one. The gradients of a step's passes are added.
pub fn micro_windows(model: &ModelConfig, windows: u64) -> u64 {
    let window = model.context as f64 * FLOAT * model.kept_per_token();
    ((ACTIVATIONS / window) as u64).clamp(1, windows.max(1))
}

/// Rough number of bytes that training with `windows` windows per forward pass needs: f32 weights,
/// gradients and two moments, a transient copy, the activations and a block of logits. The estimate
/// serves to refuse the impossible, not to fill memory tightly.
pub fn training_bytes(model: &ModelConfig, windows: u64) -> u64 {
    const COPIES: f64 = 5.0;
    const LOGIT_ROWS: f64 = 64.0;
    let params = ParamCount::of(model).total().0;
    let tokens = windows as f64 * model.context as f64;
    let logits = LOGIT_ROWS * model.vocab_size as f64;
    (FLOAT * (COPIES * params + tokens * model.kept_per_token() + logits)) as u64
}

/// Bytes that a process takes before it trains: the program, and its text at one byte per token.
pub fn process_bytes(tokens: u64) -> u64 {
    const PROGRAM: u64 = 25 << 20;
    PROGRAM + tokens
}

/// Number of the largest of these processes that fit into a machine's memory together; at least
/// one.
pub fn processes_that_fit(mut needs: Vec<u64>, memory_bytes: u64) -> usize {
    const SHARE: f64 = 0.9;
    needs.sort_unstable_by(|a, b| b.cmp(a));
    let mut left = (memory_bytes as f64 * SHARE) as u64;
    let fits = needs.iter().take_while(|need| match left.checked_sub(**need) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    fits.count().max(1)
}

/// Physical memory of this machine in bytes, or the limit of its container; `u64::MAX` where the
/// system does not tell.
pub fn machine_bytes() -> u64 {
    let Ok(mut system) = sysinfo::System::new() else {
        return u64::MAX;
    };
    system.refresh_memory();
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    system.total_memory().min(limit)
}

/// Most bytes of resident memory that this process has used since [`reset_peak`]; `None` where the
/// system does not tell (other than Linux).
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Number of processes that the system has killed for lack of memory since it started; 0 where it
/// does not tell (other than Linux).
pub fn killed_for_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
    count.unwrap_or(0)
}

/// Starts the measurement of [`peak`] anew.
pub fn reset_peak() {
    // Writing 5 resets the peak; see proc(5). Where that file does not exist, the peak is that of
    // the whole process so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A number of bytes in binary units, such as `1.5 GiB`.
pub fn shown(bytes: u64) -> String {
    match bytes as f64 / 2f64.powi(30) {
        gib if gib >= 1.0 => format!("{gib:.1} GiB"),
        gib => format!("{:.0} MiB", gib * 1024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_model::{Norm, Position, Shape};

    #[test]
    fn a_machine_has_some_memory_and_a_giant_model_needs_more() {
        let shape = Shape::new(16_384, 128, 128).unwrap();
        let model = ModelConfig {
            norm: Norm::Rms,
            position: Position::Rope,
            ..ModelConfig::transformer(shape, 256, 128)
        };
        // For one window of 128 tokens, 128 layers keep 1.6 GiB.
        assert_eq!(micro_windows(&model, 64), 1);
        let machine = machine_bytes();
        assert!(machine > 1 << 28);
        // The model has 412 billion parameters, at 20 bytes each.
        assert!(training_bytes(&model, 1) > 8_000_000_000_000);
        let small = ModelConfig { shape: Shape::new(32, 2, 2).unwrap(), ..model };
        assert_eq!(micro_windows(&small, 64), 64);
    }
}
