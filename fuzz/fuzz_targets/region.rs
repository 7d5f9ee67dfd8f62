//! Any bytes as a control region.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slotbus::fuzzing::region(data));
