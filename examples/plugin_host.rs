//! A program with a plugin that crashes, in a process of its own, and that goes on answering.
//!
//! ```text
//! cargo run --release --example plugin_host
//! ```
//!
//! The host asks the plugin for shouting; the plugin dies on purpose at every tenth word. The host answers each request: with the
//! plugin's answer, or with its own when the plugin died. The supervisor starts the plugin again meanwhile.

use std::process::Command;
use std::time::Duration;

use slotbus::hub::{CallError, Hub, Supervisor};
use slotbus::{Body, Router, handler, routes};

const BUS: &str = "plugin-host";
const WORDS: usize = 100;

#[handler(POST, "/shout")]
async fn shout(word: String) -> String {
    if word.ends_with('9') {
        // As bad as a plugin can be: nothing is unwound, nothing is dropped, nothing is told.
        std::process::abort();
    }
    word.to_uppercase()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::var_os(slotbus::NAME_VARIABLE).is_some() {
        let app = Router::new().routes(routes![shout]);
        return Ok(slotbus::serve(app).with_graceful_shutdown(slotbus::shutdown_signal()).await?);
    }
    let hub = Hub::builder(BUS).timeout(Duration::from_secs(10)).create()?;
    let plugin = Command::new(std::env::current_exe()?);
    let supervisor =
        Supervisor::builder(&hub, plugin).pauses(Duration::from_millis(5), Duration::from_secs(1)).start()?;

    let (mut shouted, mut without) = (0, 0);
    for i in 0..WORDS {
        let word = format!("word {i}");
        let request = http::Request::post("/shout").body(Body::from(word.clone()))?;
        match hub.call(request).await {
            Ok(response) => {
                let body = axum::body::to_bytes(response.into_body(), 64).await?;
                assert_eq!(body, word.to_uppercase());
                shouted += 1;
            }
            // The request ran into the crash; whether it is sent again is for the host to decide, not for the bus.
            Err(CallError::WorkerDied) => without += 1,
            Err(error) => return Err(error.into()),
        }
    }
    let starts = supervisor.processes()[0].starts;
    println!(
        "{WORDS} requests, all answered: {shouted} by the plugin, {without} without it; it was started {starts} times"
    );
    tokio::task::spawn_blocking(|| supervisor.stop()).await?;
    Ok(())
}
