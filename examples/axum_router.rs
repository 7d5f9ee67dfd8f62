//! An `axum::Router`, served unchanged.
//!
//! ```text
//! SLOTBUS_NAME=axum cargo run --example axum_router
//! SLOTBUS_NAME=axum cargo run --example gateway           # in another terminal
//! curl 'http://127.0.0.1:3000/sum?a=1&b=2'
//! ```

use axum::Router;
use axum::extract::Query;
use axum::routing::{get, post};

#[derive(serde::Deserialize)]
struct Sum {
    a: i64,
    b: i64,
}

async fn sum(Query(Sum { a, b }): Query<Sum>) -> String {
    format!("{}\n", a + b)
}

#[tokio::main]
async fn main() -> Result<(), slotbus::Error> {
    tracing_subscriber::fmt::init();
    let app = Router::new().route("/sum", get(sum)).route("/echo", post(|body: String| async { body }));
    // The same line would be `axum::serve(listener, app)`.
    slotbus::serve(app).with_graceful_shutdown(slotbus::shutdown_signal()).await
}
