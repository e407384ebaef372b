//! `cargo +nightly fuzz run -s none any_request CORPUS`, from `adapters/`, over what `seeds` wrote
//! there. With `RUSTC_BOOTSTRAP=1` a stable compiler does. Safe code needs no sanitizer.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|input: &[u8]| harness::run(input));
