#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| isoflop_results::fuzz::forecasts(bytes));
