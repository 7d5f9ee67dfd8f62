//! Tests of workers: without a bus, over a private one, and with what may go wrong.
#![doc = include_str!("../../docs/guides/testing.md")]

mod builder;
mod bus;
mod client;
mod gate;
mod in_process;
mod patience;
mod process;
mod request;
mod response;
mod slots;
mod worker;

pub use self::builder::TestBusBuilder;
pub use self::bus::{ExhaustedRoom, TestBus};
pub use self::client::TestClient;
pub use self::gate::{Gate, GateLayer, GateService, Pass};
pub use self::process::{WorkerProcess, worker_process};
pub use self::request::{TestRequest, TestResponseFuture};
pub use self::response::TestResponse;
pub use self::worker::TestWorker;
