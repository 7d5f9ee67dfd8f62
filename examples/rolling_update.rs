//! Replaces a worker process under load: the next one attaches, the former gets SIGTERM and answers what it has.
//!
//! ```text
//! cargo run --release --example rolling_update
//! ```
//!
//! No request fails, because a worker that drains claims nothing more, and what it leaves waits for the other.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use slotbus::hub::Hub;
use slotbus::{Body, Router, handler, routes};

const BUS: &str = "rolling-update";
/// Set for worker processes: which release they are.
const RELEASE: &str = "RELEASE";

#[handler(GET, "/release")]
async fn release() -> String {
    std::env::var(RELEASE).unwrap_or_default()
}

fn start(release: usize) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?).env(RELEASE, release.to_string()).spawn()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::var_os(RELEASE).is_some() {
        let app = Router::new().routes(routes![release]);
        return Ok(slotbus::serve(app).name(BUS).with_graceful_shutdown(slotbus::shutdown_signal()).await?);
    }
    let hub = Hub::builder(BUS).create()?;
    let mut worker = start(1)?;
    for next in 2..=4 {
        let successor = start(next)?;
        // It takes its share as soon as it answers; the former is told to stop then.
        let mut answered = 0;
        while ask(&hub).await? != next.to_string() {
            answered += 1;
        }
        Command::new("kill").args(["-TERM", &worker.id().to_string()]).status()?;
        let draining = Instant::now();
        while worker.try_wait()?.is_none() {
            ask(&hub).await?;
            answered += 1;
        }
        println!(
            "release {next} has taken over, {answered} requests answered meanwhile, drained in {:?}",
            draining.elapsed()
        );
        worker = successor;
    }
    // Closing the hub ends no worker: it waits for the next hub.
    Command::new("kill").args(["-TERM", &worker.id().to_string()]).status()?;
    worker.wait()?;
    Ok(())
}

async fn ask(hub: &Hub) -> Result<String, Box<dyn std::error::Error>> {
    let response = hub.call(http::Request::get("/release").body(Body::empty())?).await?;
    let body = axum::body::to_bytes(response.into_body(), 64).await?;
    tokio::time::sleep(Duration::from_micros(200)).await;
    Ok(String::from_utf8(body.to_vec())?)
}
