//! A hub in this process, a worker in another, and HTTP between them through shared memory.
//!
//! ```text
//! cargo run --release --example quickstart
//! ```

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use http::Request;
use http_body_util::BodyExt;
use slotbus::hub::{CallError, Hub};
use slotbus::{Body, Path, Router, handler, routes};
use tokio::io::AsyncReadExt;

#[handler(GET, "/hello/{name}")]
async fn hello(Path(name): Path<String>) -> String {
    format!("hello, {name}")
}

#[handler(POST, "/length")]
async fn length(body: bytes::Bytes) -> String {
    format!("{} bytes", body.len())
}

#[handler(GET, "/crash")]
async fn crash() -> &'static str {
    panic!("a handler may panic: its caller gets a 500, the worker goes on")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();
    if std::env::var_os("QUICKSTART_WORKER").is_some() {
        std::panic::set_hook(Box::new(|_| {})); // the log line says it
        let app = Router::new().routes(routes![hello, length, crash]);
        let parent_gone = async { drop(tokio::io::stdin().read(&mut [0]).await) };
        return Ok(slotbus::serve(app).body_limit(8 << 20).with_graceful_shutdown(parent_gone).await?);
    }
    let hub = Hub::builder("quickstart").create()?;
    let worker = Worker::start()?;
    println!("hub: process {}, worker: process {}, bus: {}\n", std::process::id(), worker.0.id(), hub.name());

    ask(&hub, Request::get("/hello/world").body(Body::empty())?).await?;
    ask(&hub, Request::post("/length").body(Body::from("a small body"))?).await?;
    ask(&hub, Request::post("/length").body(Body::from(vec![b'x'; 4 << 20]))?).await?;
    ask(&hub, Request::get("/nowhere").body(Body::empty())?).await?;
    ask(&hub, Request::get("/crash").body(Body::empty())?).await?;
    ask(&hub, Request::get("/hello/again").body(Body::empty())?).await?;

    let slots = hub.slots();
    let first: Vec<_> = slots.iter().take(8).map(ToString::to_string).collect();
    println!("\n{} slots: {}, ...", slots.len(), first.join(" "));

    let mut latencies = Vec::with_capacity(100_000);
    for _ in 0..100_000 {
        let start = Instant::now();
        hub.call(Request::get("/hello/world").body(Body::empty())?).await?;
        latencies.push(start.elapsed());
    }
    latencies.sort();
    let at = |percent: usize| latencies[latencies.len() * percent / 100];
    println!("{} requests, one at a time: p50 {:.1?}, p99 {:.1?}", latencies.len(), at(50), at(99));
    Ok(())
}

async fn ask(hub: &Hub, request: Request<Body>) -> Result<(), CallError> {
    let line = format!("{} {}", request.method(), request.uri());
    let start = Instant::now();
    let response = hub.call(request).await?;
    let (elapsed, status) = (start.elapsed(), response.status());
    let body = response.into_body().collect().await.expect("the body is here already").to_bytes();
    println!("{line:<20} {status:<28} {:<60} {elapsed:.1?}", String::from_utf8_lossy(&body));
    Ok(())
}

/// The worker's process, this program again.
struct Worker(Child);

impl Worker {
    fn start() -> std::io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env("QUICKSTART_WORKER", "1").env("SLOTBUS_NAME", "quickstart").stdin(Stdio::piped());
        command.spawn().map(Self)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
