//! Other processes, killed for real.
//!
//! A test that needs another process starts its own binary again with its own name as the filter and [`ROLE`] set: it then
//! plays the other process instead of the test.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal};

/// The bus of the process that is to be killed.
const ROLE: &str = "SLOTBUS_TEST_KILLED";

/// Another process, killed and reaped when dropped.
pub(crate) struct Process(Child, Lines<BufReader<ChildStdout>>);

impl Process {
    /// Plays `test`'s other process on the bus called `name`; returns when it has said that it is ready.
    pub(crate) fn start(test: &str, name: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(ROLE, name).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("ready")), "the other process ended");
        Self(child, lines)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

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

pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

pub(crate) fn wait_to_be_killed() -> ! {
    println!("ready");
    loop {
        std::thread::park();
    }
}
