//! `slotbus clean`.

use std::error::Error;
use std::process::ExitCode;

use clap::Args;
use slotbus::Left;

use super::out::line;

/// Remove what dead buses left in /dev/shm.
///
/// Removes only what provably nobody uses, and says of the rest why it stays.
#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// What the names of the buses' objects begin with; `hub` for those of slotbus-hub.
    #[arg(long, default_value = "slotbus")]
    prefix: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Clean {
    pub(crate) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let cleaned = slotbus::clean(&self.prefix)?;
        if self.json {
            let told =
                |left: &Left| serde_json::json!({ "bus": left.bus.to_string(), "reason": left.reason.to_string() });
            let left: Vec<_> = cleaned.left.iter().map(told).collect();
            line(serde_json::json!({ "removed": cleaned.objects, "left": left }))?;
            return Ok(ExitCode::SUCCESS);
        }
        for object in &cleaned.objects {
            line(format_args!("removed {object}"))?;
        }
        for left in &cleaned.left {
            line(format_args!("left {}: {}", left.bus, left.reason))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
