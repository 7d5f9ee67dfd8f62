//! `slotbus completions`.

use std::error::Error;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::out::line;

/// Print what a shell needs to complete these commands.
///
/// For bash: `slotbus completions bash > ~/.local/share/bash-completion/completions/slotbus`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Arguments::command(), "slotbus", &mut script);
        line(String::from_utf8(script)?.trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}
