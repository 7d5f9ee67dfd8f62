//! The worker's process: our worker or a published one, with the same echo.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use slotbus::Body;
use tokio::sync::Semaphore;

use crate::echo::{Headers, PIN, UNPIN, answer};
use crate::{Code, process};

/// Answers until the process with the trials closes its end.
pub(crate) fn run(code: Code, name: &str) {
    match code {
        Code::Ours | Code::OursV2 => serve(name),
        Code::Published01 | Code::Published01NeverReset => published01_worker(name),
        Code::Published02 => published02_worker(name),
    }
}

fn serve(name: &str) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (stop, stopped) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        process::wait_for_the_end();
        stop.send(())
    });
    let worker = slotbus::serve(tower::service_fn(echo)).name(name).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    runtime.block_on(async { worker.await }).expect("it ends when it is told to");
}

async fn echo(request: Request<Body>) -> Result<Response<Body>, axum::Error> {
    static UNPINNED: Semaphore = Semaphore::const_new(0);
    let (parts, body) = request.into_parts();
    match parts.uri.path() {
        PIN => UNPINNED.acquire().await.expect("it is never closed").forget(),
        UNPIN => UNPINNED.add_permits(1),
        _ => {}
    }
    let body = body.collect().await?.to_bytes();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    if body.len() % 3 == 1 || parts.uri.query().is_none() {
        // Some go through the executor.
        tokio::task::yield_now().await;
    }
    let answer = answer(parts.method.as_str(), parts.uri.path(), parts.uri.query(), &headers, &body);
    let mut response = Response::builder().status(answer.status).header("content-type", answer.content_type);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Body::from(answer.body)).expect("a good response"))
}

/// A worker of a published crate; the two have the same API.
macro_rules! published_worker {
    ($run:ident, $published:ident) => {
        fn $run(name: &str) {
            let config = $published::SlotBusConfig::builder().name(name).build();
            let worker = Arc::new($published::SlotWorker::open(config).expect("the hub is there"));
            worker.start_receive_loop(|worker, slot, request| {
                let $published::transport::Request { method, path, query, body, headers, .. } = request;
                let headers: Headers = headers.into_iter().collect();
                let answer = answer(&method, &path, query.as_deref(), &headers, &body);
                let body = Bytes::into(answer.body);
                // It fails when its heap is full; the request is lost then, which its hub counts.
                let _ = worker.send_response(slot, answer.status, body, &answer.content_type, answer.headers);
            });
            process::wait_for_the_end();
        }
    };
}

published_worker!(published01_worker, published01);
published_worker!(published02_worker, published02);
