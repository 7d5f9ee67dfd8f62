//! Ctrl-C or SIGTERM: no new request is claimed, those in hand are answered, then `serve` returns.
//!
//! ```text
//! SLOTBUS_NAME=slow cargo run --example graceful_shutdown
//! SLOTBUS_NAME=slow cargo run --example gateway           # in another terminal
//! curl http://127.0.0.1:3000/work &                       # takes 3 s
//! ^C in the worker's terminal: the request is still answered
//! ```

use std::time::Duration;

use slotbus::{Router, handler, routes};

#[handler(GET, "/work")]
async fn work() -> &'static str {
    tokio::time::sleep(Duration::from_secs(3)).await;
    "done\n"
}

#[tokio::main]
async fn main() -> Result<(), slotbus::Error> {
    tracing_subscriber::fmt::init();
    slotbus::serve(Router::new().routes(routes![work]))
        .drain_timeout(Duration::from_secs(10)) // what takes longer is answered 503
        .with_graceful_shutdown(slotbus::shutdown_signal())
        .await?;
    tracing::info!("everything is answered");
    Ok(())
}
