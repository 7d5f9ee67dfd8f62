//! A worker: writes down what it runs, and echoes it with what it found.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use slotbus::Body;

use super::books::{Book, Event};
use super::client::{NONCE, SUM, sum};
use super::plan::Life;

#[tokio::main]
pub(crate) async fn run(life: &Life) {
    let book = std::sync::Arc::new(Book::open(&life.books, &format!("worker-{}", life.number)).unwrap());
    let service = tower::service_fn(move |request: Request<Body>| {
        let book = std::sync::Arc::clone(&book);
        async move {
            let nonce = request.headers()[NONCE].clone();
            let number: u64 = nonce.to_str().unwrap().parse().unwrap();
            book.write(Event::Executed, number);
            // Some are unfinished at their first poll, and some of these for a while.
            match number % 16 {
                0 => tokio::time::sleep(std::time::Duration::from_millis(2)).await,
                1..4 => tokio::task::yield_now().await,
                _ => {}
            }
            let body: Bytes = request.into_body().collect().await.unwrap().to_bytes();
            let response = Response::builder().header(NONCE, nonce).header(SUM, sum(&body));
            Ok::<_, std::convert::Infallible>(response.body(Body::from(body)).unwrap())
        }
    });
    // It ends when it is killed, or when its standard input does.
    let orphaned = async {
        let _ = tokio::io::AsyncReadExt::read(&mut tokio::io::stdin(), &mut [0]).await;
    };
    let serve = slotbus::serve(service).name(&life.bus).body_limit(1 << 22);
    serve.with_graceful_shutdown(orphaned).await.unwrap();
    // The thread that reads standard input may be reading still.
    std::process::exit(0);
}
