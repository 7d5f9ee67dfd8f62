//! A peer's bytes as a request.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slotbus::fuzzing::request(data));
