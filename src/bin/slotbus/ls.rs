//! `slotbus ls`, and how buses are written.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use slotbus::inspect::{self, HubLife, InspectError, Listed, Look, Retirement, SlotState};

use super::measures::{short_size, short_time};
use super::out::{line, told};

/// List the buses of this machine: whether they have a hub, their workers, their slots, and what dead ones left.
///
/// Looks only: nothing is locked, rung or changed. A published hub proves neither its life nor its workers, which are shown
/// as "?".
#[derive(Debug, Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    which: Which,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Which buses.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// What the names of the buses' objects begin with; `hub` for those of slotbus-hub.
    #[arg(long, default_value = "slotbus")]
    prefix: String,
    /// The buses of all prefixes, as far as there is a region.
    #[arg(long, conflicts_with = "prefix")]
    all_prefixes: bool,
}

impl Which {
    /// The one prefix, for a bus that is named.
    pub(crate) fn prefix(&self) -> Result<&str, &'static str> {
        if self.all_prefixes { Err("a bus has one prefix: name it with --prefix") } else { Ok(&self.prefix) }
    }

    /// The buses there are now.
    pub(crate) fn list(&self) -> Result<Vec<Listed>, InspectError> {
        if !self.all_prefixes {
            return inspect::buses(&self.prefix);
        }
        let mut all = Vec::new();
        for prefix in inspect::prefixes()? {
            all.extend(inspect::buses(&prefix)?);
        }
        Ok(all)
    }
}

impl Ls {
    pub(crate) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let listed = self.which.list()?;
        if self.json {
            let buses: Vec<_> = listed.iter().map(listed_json).collect();
            line(serde_json::json!({ "buses": buses }))?;
            return Ok(ExitCode::SUCCESS);
        }
        for row in table(&listed) {
            line(row)?;
        }
        let unreadable =
            listed.iter().filter_map(|listed| listed.look.as_ref().err()).filter(|error| !error.is_missing());
        for error in unreadable {
            line(told(error))?;
        }
        let mut orphans = BTreeMap::<_, usize>::new();
        for orphan in listed.iter().filter(|listed| listed.is_orphan()) {
            *orphans.entry(orphan.bus.prefix()).or_default() += 1;
        }
        for (prefix, count) in orphans {
            line(format_args!("{count} without a hub: `slotbus clean --prefix {prefix}` removes what nobody uses"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The heads of `row`.
pub(crate) const COLUMNS: [&str; 9] =
    ["BUS", "HUB", "VERSION", "WORKERS", "SLOTS", "WAITING", "DISPATCHES", "SIZE", "SINCE"];

/// A bus in the columns of the list; empty where there is nothing to be said.
pub(crate) fn row(listed: &Listed) -> [String; 9] {
    let bus = listed.bus.to_string();
    let unknown = || "?".to_owned();
    match &listed.look {
        Ok(look) => [
            bus,
            hub(look),
            version(look),
            look.workers.map_or_else(unknown, |workers| workers.to_string()),
            format!("{}/{}", look.busy(), look.slots.len()),
            look.count(SlotState::Ready).to_string(),
            look.dispatches.map_or_else(unknown, |dispatches| dispatches.to_string()),
            short_size(look.bytes),
            up(look).map_or_else(unknown, short_time),
        ],
        Err(error) => {
            let what = if error.is_missing() {
                format!("gone, {} objects left", listed.objects.len())
            } else {
                "unreadable".into()
            };
            let [a, b, c, d, e, f, g] = <[String; 7]>::default();
            [bus, what, a, b, c, d, e, f, g]
        }
    }
}

fn table(listed: &[Listed]) -> Vec<String> {
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    rows.extend(listed.iter().map(row));
    let widths: Vec<_> = (0..COLUMNS.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
        .collect();
    let pad = |row: &[String; 9]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(pad).collect()
}

/// The hub in a word, with its process.
pub(crate) fn hub(look: &Look) -> String {
    let pid = look.hub_pid.map(|pid| format!(" {pid}")).unwrap_or_default();
    match (look.hub, look.retirement) {
        (HubLife::Alive, Some(Retirement::Draining)) => format!("draining{pid}"),
        (HubLife::Alive, _) => format!("alive{pid}"),
        (HubLife::Dead, _) => format!("dead{pid}"),
        _ => "?".to_owned(),
    }
}

/// The protocol's version, with a plus where the region has the extension.
pub(crate) fn version(look: &Look) -> String {
    format!("{}{}", look.version.number(), if look.epoch.is_some() { "+" } else { "" })
}

/// How long there has been a region.
pub(crate) fn up(look: &Look) -> Option<Duration> {
    look.started_at.map(|start| SystemTime::now().duration_since(start).unwrap_or_default())
}

/// A bus for scripts.
fn listed_json(listed: &Listed) -> serde_json::Value {
    let look = listed.look.as_ref();
    serde_json::json!({
        "bus": listed.bus.to_string(),
        "prefix": listed.bus.prefix(),
        "name": listed.bus.name(),
        "orphan": listed.is_orphan(),
        "objects": listed.objects,
        "error": look.err().map(|error| told(error)),
        "region": look.ok().map(look_json),
    })
}

/// A region for scripts, without its slots.
pub(crate) fn look_json(look: &Look) -> serde_json::Value {
    use SlotState::{Claimed, Done, Free, Ready, Writing};
    let states = [Free, Writing, Ready, Claimed, Done].map(|state| (state.to_string(), look.count(state).into()));
    serde_json::json!({
        "hub": match look.hub {
            HubLife::Alive => "alive",
            HubLife::Dead => "dead",
            _ => "unknown",
        },
        "hub_pid": look.hub_pid,
        "retired": look.retirement.map(|retirement| match retirement {
            Retirement::Draining => "draining",
            _ => "detached",
        }),
        "version": look.version.number(),
        "extension": look.epoch.is_some(),
        "epoch": look.epoch.map(|epoch| format!("{epoch:016x}")),
        "workers": look.workers,
        "slots": look.slots.len(),
        "states": serde_json::Map::from_iter(states),
        "dispatches": look.dispatches,
        "oldest_waiting_micros": look.oldest_waiting().map(|time| time.as_micros() as u64),
        "bytes": look.bytes,
        "started_seconds_ago": up(look).map(|up| up.as_secs()),
    })
}
