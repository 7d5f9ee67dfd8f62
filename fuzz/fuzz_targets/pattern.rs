//! A path, and patterns for it, one on each line.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| slotbus::fuzzing::pattern(text));
