//! What training a model takes, and what this machine has.

use isoflop_model::{ModelConfig, ParamCount};

const FLOAT: f64 = 4.0;

/// Bytes of activations that a backward pass may keep; a batch that takes more is split. Part of
/// a run's bits, so the same on every machine.
const ACTIVATIONS: f64 = 2.0 * 1024.0 * 1024.0 * 1024.0;

/// Windows of a forward pass: as many of a step's windows as keep [`ACTIVATIONS`], at least one.
/// The gradients of the passes of a step are added.
pub fn micro_windows(model: &ModelConfig, windows: u64) -> u64 {
    let window = model.context as f64 * FLOAT * model.kept_per_token();
    ((ACTIVATIONS / window) as u64).clamp(1, windows.max(1))
}

/// Bytes that training a micro-batch of `windows` needs, roughly: f32 weights, gradients and two
/// moments, a transient copy, the activations and a block of logits. An estimate to refuse the
/// impossible by, not to pack by.
pub fn training_bytes(model: &ModelConfig, windows: u64) -> u64 {
    const COPIES: f64 = 5.0;
    const LOGIT_ROWS: f64 = 64.0;
    let params = ParamCount::of(model).total().0;
    let tokens = windows as f64 * model.context as f64;
    let logits = LOGIT_ROWS * model.vocab_size as f64;
    (FLOAT * (COPIES * params + tokens * model.kept_per_token() + logits)) as u64
}

/// Bytes of a process before it trains: the program, and its text at a byte a token.
pub fn process_bytes(tokens: u64) -> u64 {
    const PROGRAM: u64 = 25 << 20;
    PROGRAM + tokens
}

/// How many of the largest of these fit beside each other into a machine's memory; at least one.
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

/// Physical memory of this machine in bytes, or what its container allows; without bound where
/// the system does not tell.
pub fn machine_bytes() -> u64 {
    let Ok(mut system) = sysinfo::System::new() else {
        return u64::MAX;
    };
    system.refresh_memory();
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    system.total_memory().min(limit)
}

/// Most resident memory of this process since [`reset_peak`] in bytes, where the system tells
/// (Linux).
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Processes that the system has killed for want of memory since it started, where it tells
/// (Linux).
pub fn killed_for_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
    count.unwrap_or(0)
}

/// Forgets the memory used so far.
pub fn reset_peak() {
    // proc(5): 5 resets the peak. Without that file the figure covers the process so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// `1.5 GiB`.
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
        // A window of 128 tokens keeps 1.6 GiB of 128 layers.
        assert_eq!(micro_windows(&model, 64), 1);
        let machine = machine_bytes();
        assert!(machine > 1 << 28);
        // 412 billion parameters at 20 bytes each.
        assert!(training_bytes(&model, 1) > 8_000_000_000_000);
        let small = ModelConfig { shape: Shape::new(32, 2, 2).unwrap(), ..model };
        assert_eq!(micro_windows(&small, 64), 64);
    }
}
