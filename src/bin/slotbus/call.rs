//! `slotbus call`: curl for a bus.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ::bytes::Bytes;
use clap::Args;
use http::{HeaderMap, StatusCode};
use slotbus::body::to_bytes;
use slotbus::hub::Hub;

use super::bus::{BusArguments, RequestArguments};
use super::out::{bytes, note, unless_gone};
use super::signals::{Signals, interrupted};

/// What a shell sees of an answer of 400 or more with `--fail`, as with curl.
const FAILED: u8 = 22;

/// Send a request to the workers of a bus, and print the answer.
///
/// Makes the bus NAME, as its hub, and waits for a worker to answer. The body goes to the standard output as it is.
#[derive(Debug, Args)]
pub(crate) struct Call {
    #[command(flatten)]
    bus: BusArguments,
    #[command(flatten)]
    request: RequestArguments,
    /// Print status and headers before the body.
    #[arg(short, long)]
    include: bool,
    /// End with 22 when the status is 400 or more.
    #[arg(short, long)]
    fail: bool,
    /// Say on the standard error how long it took, the wait for a worker included.
    #[arg(long)]
    timing: bool,
    /// Print one JSON object: status, headers, and the body as text.
    #[arg(long)]
    json: bool,
}

impl Call {
    pub(crate) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let body = self.request.body()?;
        let signals = Signals::listen()?;
        let hub = self.bus.hub()?;
        let (ended, was_told) = signals.run(|| self.call(&hub, body), || hub.close());
        if was_told { Ok(interrupted()) } else { ended.map_err(|error| -> Box<dyn Error> { error }) }
    }

    fn call(&self, hub: &Hub, body: Bytes) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
        let started = Instant::now();
        let response = hub.call_blocking(self.request.request(body)).map_err(|error| self.bus.failed(error))?;
        let took = started.elapsed();
        let (parts, body) = response.into_parts();
        let body = tokio::runtime::Builder::new_current_thread().build()?.block_on(to_bytes(body, usize::MAX))?;
        let mut out = Vec::new();
        if self.json {
            writeln!(out, "{}", json(parts.status, &parts.headers, &body, took))?;
        } else {
            if self.include {
                writeln!(out, "{}", parts.status)?;
                for (name, value) in &parts.headers {
                    writeln!(out, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
                }
                writeln!(out)?;
            }
            out.write_all(&body)?;
        }
        unless_gone(bytes(&out))?;
        if self.timing {
            note(format_args!("{} in {took:?}, {} bytes", parts.status, body.len()));
        }
        let is_error = parts.status.is_client_error() || parts.status.is_server_error();
        Ok(if self.fail && is_error { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
    }
}

fn json(status: StatusCode, headers: &HeaderMap, body: &[u8], took: Duration) -> serde_json::Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), text(value.as_bytes()))).collect();
    serde_json::json!({
        "status": status.as_u16(),
        "headers": headers,
        "body": text(body),
        "micros": took.as_micros() as u64,
    })
}
