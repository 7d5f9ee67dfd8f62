//! A hub with two client threads: every request has a number of its own and a body that follows from it.

use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use slotbus::Body;
use slotbus::hub::{CallError, Hub};

use super::books::{Book, Event, descriptors};
use super::plan::Life;

/// The header that carries a request's number there and back.
pub(crate) const NONCE: &str = "x-nonce";
/// The header that carries the checksum of the body that the worker saw.
pub(crate) const SUM: &str = "x-sum";

/// Requests each client thread has in flight.
pub(crate) const IN_FLIGHT: u64 = 8;
pub(crate) const THREADS: u64 = 2;

/// The number of a request: which life of the hub, which thread, which task, which request.
fn number(life: u64, thread: u64, task: u64, n: u64) -> u64 {
    life << 40 | thread << 36 | task << 32 | n
}

/// Which life of the hub sent a request.
pub(crate) fn life_of(number: u64) -> u64 {
    number >> 40
}

/// FNV-1a, which sees transposed, missing and foreign bytes.
pub(crate) fn sum(bytes: &[u8]) -> String {
    let sum = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    sum.to_string()
}

/// A body that follows from the request's number: mostly short, some in pages, few by overflow.
fn body(number: u64) -> Bytes {
    let len = match number % 256 {
        0 => 150_000,
        1..8 => 20_000,
        n => n as usize,
    };
    Bytes::from_iter((0..len as u64).map(|i| (number.wrapping_mul(i | 1) >> 8) as u8))
}

pub(crate) fn run(life: &Life) {
    let before = descriptors(std::process::id()).unwrap();
    let book = Arc::new(Book::open(&life.books, &format!("hub-{}", life.number)).unwrap());
    let hub = Hub::builder(&life.bus).slots(16).create().unwrap();
    book.write(Event::Created, life.number);
    let (over, stop) = tokio::sync::watch::channel(false);
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (hub, book, stop, life) = (hub.clone(), Arc::clone(&book), stop.clone(), life.number);
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(async {
                    let tasks = (0..IN_FLIGHT).map(|task| client(&hub, &book, &stop, [life, thread, task]));
                    futures::future::join_all(tasks).await;
                });
            })
        })
        .collect();
    // The life goes on until it is killed, or until its standard input ends.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    over.send(true).unwrap();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop(hub);
    // The book is one of its own.
    let after = descriptors(std::process::id()).unwrap() - 1;
    book.write(Event::Descriptors, after.abs_diff(before));
}

/// One request after another, each written down before it is sent and after it has ended.
async fn client(hub: &Hub, book: &Book, stop: &tokio::sync::watch::Receiver<bool>, [life, thread, task]: [u64; 3]) {
    for n in 0.. {
        if *stop.borrow() {
            return;
        }
        let number = number(life, thread, task, n);
        let body = body(number);
        let request = Request::post("/torture").header(NONCE, number).body(Body::from(body.clone())).unwrap();
        book.write(Event::Sent, number);
        let event = match hub.call(request).await {
            Ok(response) => {
                if is_own(response, number, &body).await {
                    Event::Answered
                } else {
                    Event::Wrong
                }
            }
            Err(CallError::WorkerDied) => Event::WorkerDied,
            Err(CallError::TimedOut(_) | CallError::Unclaimed(_)) => Event::TimedOut,
            Err(error) => {
                eprintln!("request {number} failed: {error}");
                Event::Failed
            }
        };
        book.write(event, number);
    }
}

async fn is_own(response: Response<Body>, number: u64, sent: &Bytes) -> bool {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let said = (response.status().as_u16(), header(NONCE), header(SUM));
    let body = response.into_body().collect().await.map(|body| body.to_bytes());
    let own = said == (200, Some(number.to_string()), Some(sum(sent))) && body.as_ref().is_ok_and(|body| body == sent);
    if !own {
        eprintln!("request {number} was answered {said:?} with {} bytes", body.map_or(0, |body| body.len()));
    }
    own
}
