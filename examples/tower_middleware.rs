//! Middleware of tower and tower-http around a router, without adapters for its errors.
//!
//! ```text
//! SLOTBUS_NAME=stack cargo run --example tower_middleware
//! SLOTBUS_NAME=stack cargo run --example gateway          # in another terminal
//! curl -i http://127.0.0.1:3000/slow                      # 504, after 100 ms
//! curl -i --compressed http://127.0.0.1:3000/text
//! ```

use std::time::Duration;

use slotbus::{Router, handler, routes};
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;
use tower_http::trace::TraceLayer;

#[handler(GET, "/slow")]
async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(1)).await;
    "too late"
}

#[handler(GET, "/text")]
async fn text() -> String {
    "a text that compresses well. ".repeat(100)
}

#[tokio::main]
async fn main() -> Result<(), slotbus::Error> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).init();
    // A layer on the router sees its responses; this stack stands around all of it, so its limits are shared.
    let app =
        Router::new().routes(routes![slow, text]).layer(CompressionLayer::new()).layer(TraceLayer::new_for_http());
    let app = ServiceBuilder::new()
        .load_shed() // answered 503
        .concurrency_limit(16)
        .timeout(Duration::from_millis(100)) // answered 504
        .service(app);
    slotbus::serve(app).with_graceful_shutdown(slotbus::shutdown_signal()).await
}
