//! Two machines behind nginx, as docs/deploy.md advises: on each the program `slotbus gateway` and two worker processes.
//!
//! ```text
//!   this process ─► unshare ─► the proxy's machine: nginx, the load           10.0.0.254
//!                                ├─ unshare ─► machine 1: gateway, 2 workers  10.0.0.1
//!                                └─ unshare ─► machine 2: gateway, 2 workers  10.0.0.2
//! ```
//!
//! A machine is a namespace of each kind, so it has a network and a `/dev/shm` of its own, and all of it dies with its first
//! process. No rights are needed and nothing of the real machine is touched.
#![cfg(feature = "cli")]

mod load;
mod machine;
mod nginx;
mod tally;
#[path = "../support/mod.rs"]
mod support;

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::process::{command, role};

/// How long anything may take that is waited for; nothing is proven by it.
const PATIENCE: Duration = Duration::from_secs(60);
const TEST: &str = "a_killed_gateway_behind_nginx_costs_no_get_and_no_post_runs_twice";
/// Runs its arguments as the first process of a machine.
const NEW_MACHINE: [&str; 9] =
    ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ceu"];
/// What a machine does first; then it is the program that its arguments name.
const BOOT: &str = "mount -t tmpfs tmpfs /dev/shm; ip link set lo up; exec \"$0\" \"$@\"";

#[test]
#[ignore = "needs nginx, ip and namespaces: `apt-get install nginx-light iproute2`, then `cargo test --features cli --test nginx -- --ignored`"]
fn a_killed_gateway_behind_nginx_costs_no_get_and_no_post_runs_twice() {
    let Some(role) = role() else { return on_other_machines() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match role.split(' ').collect::<Vec<_>>()[..] {
        ["proxy", folder] => {
            end_with_standard_input();
            runtime.block_on(load::run(Path::new(folder)));
        }
        ["machine", number, folder] => machine::run(number.parse().unwrap(), Path::new(folder)),
        ["worker", number, ledger] => runtime.block_on(machine::work(number.parse().unwrap(), Path::new(ledger))),
        _ => unreachable!("there is no role {role}"),
    }
}

/// Starts the proxy's machine and waits for what it says.
fn on_other_machines() {
    let missing = ["nginx", "ip", "unshare"].into_iter().filter(|program| !is_installed(program)).collect::<Vec<_>>();
    let hint = "`apt-get install nginx-light iproute2 util-linux`";
    assert!(missing.is_empty(), "not run: {TEST} ({} not to be found: {hint})", missing.join(", "));
    let wrapper = [&NEW_MACHINE[..1], &["--user", "--map-root-user"], &NEW_MACHINE[1..], &[BOOT]].concat();
    let probe = with_sbin(Command::new(wrapper[0]).args(&wrapper[1..]).arg("true")).output().unwrap();
    let said = String::from_utf8_lossy(&probe.stderr);
    assert!(probe.status.success(), "not run: {TEST} (this user may make no namespaces: {said})");

    let folder = tempfile::tempdir().unwrap();
    let role = format!("proxy {}", folder.path().display());
    let mut family = command(&wrapper, TEST, &role);
    let family = with_sbin(family.arg("--include-ignored")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut family = family.spawn().unwrap();
    // The proxy's machine ends when this is closed, by whatever ends this process.
    let _alive = family.stdin.take();
    let output = family.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let is_well = output.status.success() && text.contains("1 passed");
    assert!(is_well, "the proxy's machine ended with {}:\n{text}\n{}", output.status, logs(folder.path()));
    text.lines().filter_map(|line| line.split_once("figures: ")).for_each(|(_, figures)| println!("{figures}"));
}

/// Ends this process, and with it its machine, when nobody holds the other end any more.
fn end_with_standard_input() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
}

/// The programs of an administrator are not on everybody's path.
fn with_sbin(command: &mut Command) -> &mut Command {
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"))
}

fn is_installed(program: &str) -> bool {
    let found = with_sbin(Command::new("sh").args(["-c", "command -v \"$0\"", program])).output();
    found.is_ok_and(|found| found.status.success())
}

/// The last that nginx and the gateways said.
fn logs(folder: &Path) -> String {
    let mut text = String::new();
    for file in std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if file.extension().is_some_and(|extension| extension == "log") {
            let log = std::fs::read_to_string(&file).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            text += &format!("--- {}\n{}\n", file.display(), lines[lines.len().saturating_sub(30)..].join("\n"));
        }
    }
    text
}
