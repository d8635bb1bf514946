//! `suzu_fuzz::TARGETS` says what it does.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| suzu_fuzz::run("relay_text", bytes));
