//! Damaged inputs for parsers: good samples, changed at random under a fixed seed, so that a test
//! of a reader is the same each time and as long as asked.

mod mutator;

pub use mutator::Mutator;

use crate::digest::hex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// The most that a reader may take over one input.
pub const LONGEST: Duration = Duration::from_secs(10);
/// The most memory that a process which reads such inputs may ever hold, in bytes.
pub const LARGEST: u64 = 2_000_000_000;

/// How many inputs a test feeds: `ISOFLOP_FUZZ_INPUTS` where it is set, else `default`.
///
/// # Panics
/// The variable is set to something other than a number.
pub fn inputs(default: u64) -> u64 {
    match std::env::var("ISOFLOP_FUZZ_INPUTS") {
        Ok(text) => text.parse().expect("ISOFLOP_FUZZ_INPUTS holds a whole number"),
        Err(_) => default,
    }
}

/// Feeds the samples as they are, then `inputs(default_inputs)` changed ones, to `body`.
///
/// # Panics
/// The body panics, takes longer than [`LONGEST`] or leaves the process with a peak above
/// [`LARGEST`]: the input that did it is named.
pub fn run(seed: u64, default_inputs: u64, samples: &[&[u8]], body: impl Fn(&[u8])) {
    for (i, sample) in samples.iter().enumerate() {
        feed(&format!("sample {i}"), sample, &body);
    }
    let mut mutator = Mutator::new(seed);
    for i in 0..inputs(default_inputs) {
        let input = mutator.mutate(samples);
        feed(&format!("input {i} of seed {seed}"), &input, &body);
    }
}

fn feed(name: &str, input: &[u8], body: &impl Fn(&[u8])) {
    let begun = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| body(input)));
    let took = begun.elapsed();
    if let Err(cause) = ended {
        let words = cause.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| cause.downcast_ref::<&str>().copied());
        panic!("{name}: {}; {}", words.unwrap_or("panic"), named(input));
    }
    assert!(took <= LONGEST, "{name} took {took:?}; {}", named(input));
    // An input that fills gigabytes takes its time.
    if took > Duration::from_millis(20) {
        let peak = peak_memory();
        assert!(peak <= LARGEST, "{name} left a peak of {peak} bytes; {}", named(input));
    }
}

/// Peak resident memory of this process in bytes; 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kib.map_or(0, |kib: u64| kib * 1024)
}

/// An input as a message shows it: as text and in hex, both cut.
fn named(input: &[u8]) -> String {
    const MOST: usize = 2000;
    let head = &input[..input.len().min(MOST)];
    let hex = hex(head);
    let text = String::from_utf8_lossy(&head[..head.len().min(200)]).into_owned();
    format!(
        "{} bytes, `{}`, in hex {hex}{}",
        input.len(),
        text.escape_debug(),
        if input.len() > MOST { "..." } else { "" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    const SAMPLES: &[&[u8]] = &[b"{\"a\": 12.5, \"b\": \"text\"}", b"n,loss\n100,3.5\n"];

    #[test]
    fn a_body_sees_the_samples_first_and_its_panic_names_the_input() {
        let seen = RefCell::new(Vec::new());
        run(0, 7, SAMPLES, |input| {
            seen.borrow_mut().push(input.to_vec());
        });
        assert_eq!(seen.borrow()[..2], [SAMPLES[0].to_vec(), SAMPLES[1].to_vec()]);
        assert_eq!(seen.borrow().len() as u64, 2 + inputs(7));

        let count = Cell::new(0);
        let failed = catch_unwind(AssertUnwindSafe(|| {
            run(0, 7, SAMPLES, |_| {
                count.set(count.get() + 1);
                assert!(count.get() < 2, "the second is wrong");
            });
        }));
        let cause = failed.unwrap_err();
        let words = cause.downcast_ref::<String>().unwrap();
        assert!(words.starts_with("sample 1: the second is wrong; 15 bytes"), "{words}");
        assert!(words.contains("in hex 6e2c6c6f7373"), "{words}");
    }

    #[test]
    fn the_peak_memory_of_this_process_is_known_on_linux() {
        let known = peak_memory();
        assert_eq!(known > 100_000, cfg!(target_os = "linux"), "{known}");
    }
}
