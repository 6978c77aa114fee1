#![no_main]
#[path = "../../crates/cli/src/serve/head.rs"]
#[allow(dead_code)]
mod head;
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    head::parse(bytes);
});
