//! One program, served over a bus or over TCP: what is told by a flag, and the application does not know.
//!
//! ```text
//! SLOTBUS_NAME=anywhere cargo run --example serve_anywhere            # a worker of the bus
//! cargo run --example serve_anywhere -- --tcp 127.0.0.1:8080          # an HTTP server, behind nginx or on another machine
//! curl http://127.0.0.1:8080/hello/world
//! ```

use std::error::Error;

use slotbus::{Path, Router, handler, routes};
use tokio::net::TcpListener;

#[handler(GET, "/hello/{name}")]
async fn hello(Path(name): Path<String>) -> String {
    format!("hello, {name}\n")
}

fn app() -> Router {
    Router::new().routes(routes![hello])
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => slotbus::serve(app()).with_graceful_shutdown(slotbus::shutdown_signal()).await?,
        ["--tcp", address] => {
            let listener = TcpListener::bind(address).await?;
            println!("http://{}", listener.local_addr()?);
            let service = tower::make::Shared::new(app());
            axum::serve(listener, service).with_graceful_shutdown(slotbus::shutdown_signal()).await?;
        }
        _ => return Err("usage: serve_anywhere [--tcp ADDRESS]".into()),
    }
    Ok(())
}
