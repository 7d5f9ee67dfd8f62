//! A peer's bytes as a response.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slotbus::fuzzing::response(data));
