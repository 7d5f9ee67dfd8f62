//! `slotbus conformance`.

use std::error::Error;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use clap::Args;
use http::Uri;
use slotbus::Version;
use slotbus::conformance::{Checked, Options, Outcome, check};

use super::bus::path;
use super::measures::{time, version};
use super::out::{line, unless_gone};
use super::signals::{Signals, interrupted};

/// Check a worker, in whatever language it is written, against the protocol.
///
/// Makes the bus NAME, waits for the worker to take part, sends it requests, well-formed and damaged ones, and says of each rule
/// whether the worker keeps it. Ends with 1 when it breaks one.
#[derive(Debug, Args)]
pub(crate) struct Conformance {
    /// The bus that the worker waits for.
    name: String,
    /// What the names of the bus's objects begin with.
    #[arg(long, default_value = "slotbus")]
    prefix: String,
    /// The protocol's version that the worker speaks.
    #[arg(long, default_value = "1", value_name = "VERSION", value_parser = version())]
    region_version: Version,
    /// A path whose POST the worker answers with the body that came.
    #[arg(long, value_name = "PATH", value_parser = path)]
    echo: Option<Uri>,
    /// How long an answer may take: 500ms, 5s, 2m.
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = time)]
    patience: Duration,
    /// Replace a region that does not prove that nobody uses it.
    #[arg(long)]
    force: bool,
    /// Print one JSON object for each rule.
    #[arg(long)]
    json: bool,
}

impl Conformance {
    pub(crate) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let mut options = Options::new(self.name);
        options.prefix = self.prefix;
        options.version = self.region_version;
        options.echo = self.echo.map(|path| path.to_string());
        options.patience = self.patience;
        options.force = self.force;
        let (mut written, stopped) = (Ok(()), OnceLock::new());
        let work = || {
            check(&options, |checked| {
                if written.is_ok() {
                    written = line(if self.json { json(&checked) } else { text(&checked) });
                }
                if stopped.get().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        };
        // The bus goes when the rule is checked that is being looked at, or no worker has come in time.
        let (conforms, was_told) = Signals::listen()?.run(work, || {
            let _ = stopped.set(());
        });
        if was_told {
            return Ok(interrupted());
        }
        let conforms = conforms?;
        unless_gone(written)?;
        Ok(if conforms { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn text(checked: &Checked) -> String {
    match &checked.outcome {
        Outcome::Passed => format!("ok       {}", checked.rule),
        Outcome::Skipped(why) => format!("skipped  {}: {why}", checked.rule),
        Outcome::Failed(why) => format!("FAILED   {}: {why}", checked.rule),
    }
}

fn json(checked: &Checked) -> String {
    let (outcome, why) = match &checked.outcome {
        Outcome::Passed => ("passed", None),
        Outcome::Skipped(why) => ("skipped", Some(*why)),
        Outcome::Failed(why) => ("failed", Some(why.as_str())),
    };
    serde_json::json!({ "rule": checked.rule, "outcome": outcome, "why": why }).to_string()
}
