//! The outer wall around a library that panics where it should return an error.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// How many guards this thread is inside of.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
}

/// Runs `work`. A panic in it, on this thread, prints nothing and becomes its message; nothing that
/// `work` was changing may be used afterwards.
///
/// # Errors
/// What the panic said.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if INSIDE.get() == 0 {
                before(info);
            }
        }));
    });
    INSIDE.set(INSIDE.get() + 1);
    let ended = panic::catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(INSIDE.get() - 1);
    ended.map_err(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
        text.unwrap_or("it stopped without a reason").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message_and_a_value_passes() {
        assert_eq!(guarded(|| 3), Ok(3));
        let short: &[u8] = &[];
        let ended = guarded(|| short[std::hint::black_box(2)]);
        assert!(ended.unwrap_err().contains("out of bounds"));
        let nested = guarded(|| guarded(|| panic!("inner {}", 1)));
        assert_eq!(nested, Ok::<Result<(), _>, _>(Err("inner 1".to_owned())));
        assert_eq!(INSIDE.get(), 0);
    }
}
