//! The smallest worker: one handler, served until Ctrl-C.
//!
//! ```text
//! SLOTBUS_NAME=hello cargo run --example hello_worker     # this worker
//! SLOTBUS_NAME=hello cargo run --example gateway          # a hub for it, in another terminal
//! curl http://127.0.0.1:3000/hello/world
//! ```

use slotbus::{Path, Router, handler, routes};

#[handler(GET, "/hello/{name}")]
async fn hello(Path(name): Path<String>) -> String {
    format!("hello, {name}\n")
}

#[tokio::main]
async fn main() -> Result<(), slotbus::Error> {
    tracing_subscriber::fmt::init();
    let app = Router::new().routes(routes![hello]);
    slotbus::serve(app).with_graceful_shutdown(slotbus::shutdown_signal()).await
}
