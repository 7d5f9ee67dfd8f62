//! How `#[handler]` complains: the name of each file is the rule it shows.

use std::process::Command;

/// The compiler whose words are recorded in `compiler`.
const RECORDED: &str = "rustc 1.95.";

#[test]
fn mistakes_are_reported_at_their_place() {
    let cases = trybuild::TestCases::new();
    // These messages are the macro's own.
    cases.compile_fail("fail/*.rs");
    // These are the compiler's, who says the same in other words from one release to the next.
    if is_recorded() {
        cases.compile_fail("compiler/*.rs");
    }
}

fn is_recorded() -> bool {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(rustc).arg("--version").output().expect("the compiler was there a moment ago").stdout;
    let is_recorded = String::from_utf8_lossy(&version).starts_with(RECORDED);
    if !is_recorded {
        eprintln!("what the compiler says is recorded with {RECORDED}x, so it is not compared");
    }
    is_recorded
}
