//! HTTP on 127.0.0.1:3000, a hub behind it, and whatever worker attaches to its bus.
//!
//! ```text
//! SLOTBUS_NAME=hello cargo run --example gateway
//! SLOTBUS_NAME=hello cargo run --example hello_worker     # in another terminal
//! curl -i http://127.0.0.1:3000/hello/world
//! curl -i http://127.0.0.1:3000/nowhere                   # 404, from the worker
//! curl -i -X TRACE http://127.0.0.1:3000/                 # 501: the bus knows seven methods
//! ```
//!
//! Without a worker a request is answered 504 after 5 s.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use slotbus::hub::Hub;

async fn forward(State(hub): State<Hub>, request: Request) -> Response {
    match hub.call(request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!("{error}");
            (error.status(), format!("{error}\n")).into_response()
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).init();
    let name = std::env::var(slotbus::NAME_VARIABLE).unwrap_or_else(|_| "hello".to_owned());
    let address: SocketAddr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:3000").parse()?;
    let hub = Hub::builder(name).timeout(Duration::from_secs(5)).create()?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    tracing::info!("http://{} -> bus {}", listener.local_addr()?, hub.name());
    let app = Router::new().fallback(forward).with_state(hub);
    axum::serve(listener, app).with_graceful_shutdown(slotbus::shutdown_signal()).await?;
    Ok(())
}
