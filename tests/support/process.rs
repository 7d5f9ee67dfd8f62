//! Other processes: a test starts this binary again with its own name as the filter and a role in the environment, and then
//! plays that role instead of the test.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal};

/// What the other process is to do, mostly the name of a bus.
const ROLE: &str = "SLOTBUS_TEST_ROLE";

/// The role of this process, if it is not the test itself.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// `test` of this binary in `role`, started through `wrapper`, a command that runs its last arguments.
pub(crate) fn command(wrapper: &[&str], test: &str, role: &str) -> Command {
    let binary = std::env::current_exe().unwrap().into_os_string();
    let mut words = wrapper.iter().map(Into::into).chain([binary]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ROLE, role);
    command
}

/// Plays `role` to its end, which must be a good one; what it printed.
pub(crate) fn play(wrapper: &[&str], test: &str, role: &str) -> String {
    let output = command(wrapper, test, role).stderr(Stdio::inherit()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{role} ended with {}:\n{text}", output.status);
    assert!(text.contains("1 passed"), "there is no test {test}:\n{text}");
    text
}

/// Another process, killed and reaped when dropped.
pub(crate) struct Process(
    Child,
    #[allow(dead_code, reason = "kept open for what it prints")] Lines<BufReader<ChildStdout>>,
);

impl Process {
    /// Starts `test` in `role`; returns when it has said that it is ready.
    pub(crate) fn start(test: &str, role: &str) -> Self {
        let mut child = command(&[], test, role).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("ready")), "the other process ended");
        Self(child, lines)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&self) -> bool {
        rustix::process::waitid(
            rustix::process::WaitId::Pid(Pid::from_child(&self.0)),
            rustix::process::WaitIdOptions::EXITED
                | rustix::process::WaitIdOptions::NOHANG
                | rustix::process::WaitIdOptions::NOWAIT,
        )
        .unwrap()
        .is_none()
    }

    /// Stops it, and returns when none of its threads runs any more: the signal alone reaches them one by one.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
        let options = rustix::process::WaitIdOptions::STOPPED;
        rustix::process::waitid(rustix::process::WaitId::Pid(Pid::from_child(&self.0)), options).unwrap();
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(mut self) -> std::process::ExitStatus {
        self.0.wait().unwrap()
    }

    /// Kills it as `kill -9` does, and waits until it is dead.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says that this process is ready, and waits.
pub(crate) fn wait_to_be_killed() -> ! {
    println!("ready");
    loop {
        std::thread::park();
    }
}
