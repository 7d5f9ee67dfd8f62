//! Any text as the name of a bus.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| slotbus::fuzzing::name(text));
