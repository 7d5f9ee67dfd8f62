//! `slotbus gateway`.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use futures::FutureExt;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use slotbus::Version;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::measures::{size, time, version};

/// How often what was measured is gathered, whether or not somebody asks for it.
const UPKEEP: Duration = Duration::from_secs(5);
/// The upper ends of the ranges that latencies are counted in, in seconds.
const BUCKETS: [f64; 14] =
    [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Put HTTP in front of workers, which register with it.
///
/// Speaks HTTP/1.1 and HTTP/2 without TLS, and the control plane of slotbus-hub, whose workers attach to it too. Says on
/// standard output where it listens, and logs to standard error as RUST_LOG says. SIGTERM and SIGINT end it when what is in
/// hand is answered.
#[derive(Debug, Args)]
pub(crate) struct Gateway {
    /// Where to listen; port 0 takes one that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3200")]
    listen: SocketAddr,
    /// What the names of the buses' objects begin with.
    #[arg(long, default_value = "hub")]
    prefix: String,
    /// The version of the buses: published workers of 0.2.x need 2, those of 0.1.x need 1, those of this crate take either.
    #[arg(long, value_name = "VERSION", default_value = "1", value_parser = version())]
    region_version: Version,
    /// How many requests one name's workers have at once, 1 to 256.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    slots: u16,
    /// Also replace regions that a published hub has left behind. Be sure that it does not run.
    #[arg(long)]
    replace: bool,
    /// How long a request may take, as in 500ms, 30s or 2m.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    timeout: Duration,
    /// How long a client has for a request's head, and for each next piece of its body; and a connection without a request.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    read_timeout: Duration,
    /// How long a client may take nothing of an answer before its connection is ended.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    write_timeout: Duration,
    /// How long requests in hand have when the gateway ends.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    drain_timeout: Duration,
    /// The longest body of a request, as in 64KiB or 16MiB.
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size)]
    body_limit: usize,
    /// The most headers of a request.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    header_limit: usize,
    /// The most bytes of a request's headers and target.
    #[arg(long, value_name = "SIZE", default_value = "32KiB", value_parser = size)]
    header_bytes: usize,
    /// How many requests are with workers at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 1024)]
    concurrent_requests: usize,
    /// How many bodies are received at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 1024)]
    concurrent_uploads: usize,
    /// How many connections there are at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 4096)]
    connections: usize,
    /// How many names are registered at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 256)]
    names: usize,
    /// How many times a request without a body is sent again whose worker died over it, if its method is idempotent.
    #[arg(long, value_name = "TIMES", default_value_t = 0, default_missing_value = "1", num_args = 0..=1)]
    retry_idempotent: usize,
    /// What callers from other machines send as X-Hub-Secret.
    #[arg(long, env = "SLOTBUS_HUB_SECRET", hide_env_values = true)]
    secret: Option<String>,
}

impl Gateway {
    pub(crate) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
        let filter = filter.from_env().map_err(|error| format!("RUST_LOG is no filter: {error}"))?;
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stderr().is_terminal());
        // A line that cannot be written is lost: a full disk under the log is no reason to end.
        log.with_writer(std::io::stderr).log_internal_errors(false).init();
        let metrics = install_recorder()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.serve(metrics))?;
        Ok(ExitCode::SUCCESS)
    }

    async fn serve(self, metrics: PrometheusHandle) -> Result<(), Box<dyn Error>> {
        let mut builder = slotbus::gateway::Gateway::builder()
            .prefix(self.prefix)
            .region_version(self.region_version)
            .slots(self.slots.into())
            .timeout(self.timeout)
            .read_timeout(self.read_timeout)
            .write_timeout(self.write_timeout)
            .drain_timeout(self.drain_timeout)
            .body_limit(self.body_limit)
            .header_limit(self.header_limit, self.header_bytes)
            .concurrent_requests(self.concurrent_requests)
            .concurrent_uploads(self.concurrent_uploads)
            .connections(self.connections)
            .names(self.names)
            .retry_idempotent(self.retry_idempotent)
            .metrics({
                let metrics = metrics.clone();
                move || metrics.render()
            });
        if self.replace {
            builder = builder.replace_by_force();
        }
        // A file's last line has an end that is no part of it; an empty variable is as good as none.
        if let Some(secret) = self.secret.as_deref().map(str::trim_end).filter(|secret| !secret.is_empty()) {
            builder = builder.secret(secret);
        }
        // Polled before anybody is told of the address, so that a signal is heard from then on.
        let mut signal = std::pin::pin!(slotbus::shutdown_signal());
        let _ = (&mut signal).now_or_never();
        let gateway = builder.bind(self.listen).await?;
        let mut out = std::io::stdout();
        // Who started it may not want to know.
        let _ = writeln!(out, "listening on http://{}", gateway.local_addr()).and_then(|()| out.flush());
        let upkeep = tokio::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                metrics.run_upkeep();
            }
        });
        gateway.serve_until(signal).await;
        upkeep.abort();
        tracing::info!("ended");
        Ok(())
    }
}

/// Has everything measured from now on.
fn install_recorder() -> Result<PrometheusHandle, Box<dyn Error>> {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?;
    Ok(builder.install_recorder()?)
}
