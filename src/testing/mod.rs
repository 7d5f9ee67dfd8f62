//! Tests of workers: without a bus, over a private one, and with what may go wrong.
//!
//! [`error`]: TestResponse::error
//! [`Gate`]: Gate
//! [`Gate::wait_for`]: Gate::wait_for
//! [`pause`]: WorkerProcess::pause
//! [`resume`]: WorkerProcess::resume
//! [`Router`]: crate::Router
//! [`serve`]: crate::serve
//! [`stop`]: WorkerProcess::stop
//! [`TestBus`]: TestBus
//! [`TestBus::builder`]: TestBus::builder
//! [`TestBus::drop_wake`]: TestBus::drop_wake
//! [`TestBus::exhaust_room`]: TestBus::exhaust_room
//! [`TestBus::start`]: TestBus::start
//! [`TestBus::wait_for`]: TestBus::wait_for
//! [`TestBus::worker`]: TestBus::worker
//! [`TestBus::worker_process`]: TestBus::worker_process
//! [`TestBusBuilder::hub`]: TestBusBuilder::hub
//! [`TestBusBuilder::serve`]: TestBusBuilder::serve
//! [`TestClient`]: TestClient
//! [`TestClient::new`]: TestClient::new
//! [`TestResponse`]: TestResponse
//! [`worker_process`]: worker_process
//! [`WorkerProcess`]: WorkerProcess
//! [the first worker]: crate::guides::first_worker
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
