//! A gateway on a task, a client that speaks either HTTP, and workers that register as any other would.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use slotbus::gateway::{Gateway, GatewayBuilder};
use slotbus::testing::Gate;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support;

/// How long anything may take that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway on a task of this runtime.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(options: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> Self {
        let gateway = options(Gateway::builder()).bind("127.0.0.1:0").await.unwrap();
        let address = gateway.local_addr();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(gateway.serve_until(async {
            let _ = stopped.await;
        }));
        Self { address, stop: Some(stop), task }
    }

    /// Tells it to end.
    pub(crate) fn tell(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    /// Waits until it has ended, told or not yet.
    pub(crate) async fn stop(mut self) {
        if self.stop.is_some() {
            self.tell();
        }
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }

    /// Registers a worker and returns its id.
    pub(crate) async fn register(&self, name: &str, routes: &[(&str, &str)]) -> String {
        let routes: Vec<_> = routes.iter().map(|(method, path)| json!({ "method": method, "path": path })).collect();
        self.register_as(&json!({ "name": name, "routes": routes })).await
    }

    pub(crate) async fn register_as(&self, registration: &Value) -> String {
        let answer = post(self.address, "/internal/register", registration).await;
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
        let registered = json_of(answer);
        assert_eq!(registered["shm_name"], format!("hub-{}", registration["name"].as_str().unwrap()));
        registered["worker_id"].as_str().unwrap().to_owned()
    }

    /// The ids that `/health` lists for a name.
    pub(crate) async fn health(&self, name: &str) -> Vec<String> {
        let health = json_of(get(self.address, "/health").await);
        assert_eq!(health["ok"], true);
        let workers = health["workers"].as_array().unwrap().iter().filter(|worker| worker["name"] == name);
        workers.map(|worker| worker["worker_id"].as_str().unwrap().to_owned()).collect()
    }
}

/// Serves `answer` under `name`, which is registered.
pub(crate) fn worker<F, Fut>(name: &str, answer: F) -> support::Worker
where
    F: Fn(Request<slotbus::Body>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<slotbus::Body>> + Send + 'static,
{
    support::Worker::with(name, support::service(answer), |serve| serve.prefix("hub").body_limit(64 << 20))
}

/// Serves under `name`, and answers nothing; what is held back goes on when the gate lets it pass.
pub(crate) fn holding(name: &str, gate: &Gate, is_held: fn(&[u8]) -> bool) -> support::Worker {
    let gate = gate.clone();
    worker(name, move |request| {
        let gate = gate.clone();
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            if is_held(&body) {
                gate.pass().await;
            }
            Response::new("".into())
        }
    })
}

/// Says what was asked: method, path, query, some headers and the body's length.
pub(crate) async fn echo(request: Request<slotbus::Body>) -> Response<slotbus::Body> {
    let (parts, body) = request.into_parts();
    let length = body.collect().await.unwrap().to_bytes().len();
    let headers: serde_json::Map<_, _> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes()).into_owned())))
        .collect();
    let said = json!({
        "method": parts.method.as_str(), "path": parts.uri.path(), "query": parts.uri.query(), "headers": headers, "length": length,
    });
    Response::builder().header("content-type", "application/json").body(said.to_string().into()).unwrap()
}

/// A client's connection.
pub(crate) enum Client {
    Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

impl Client {
    pub(crate) async fn http1(address: SocketAddr) -> Self {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self::Http1(sender)
    }

    pub(crate) async fn http2(address: SocketAddr) -> Self {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        Self::Http2(sender)
    }

    /// Sends a request and returns the head of its answer with the body to come.
    pub(crate) async fn open(&mut self, mut request: Request<Full<Bytes>>, address: SocketAddr) -> Response<Incoming> {
        let sending = async {
            match self {
                Self::Http1(sender) => {
                    request.headers_mut().entry("host").or_insert(address.to_string().parse().unwrap());
                    sender.ready().await.unwrap();
                    sender.send_request(request).await.unwrap()
                }
                Self::Http2(sender) => {
                    let target = request.uri().path_and_query().unwrap().clone();
                    *request.uri_mut() = format!("http://{address}{target}").parse().unwrap();
                    sender.ready().await.unwrap();
                    sender.send_request(request).await.unwrap()
                }
            }
        };
        tokio::time::timeout(PATIENCE, sending).await.unwrap()
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>, address: SocketAddr) -> Response<Bytes> {
        let (parts, body) = self.open(request, address).await.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await.unwrap().unwrap().to_bytes();
        Response::from_parts(parts, body)
    }
}

pub(crate) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<Bytes> {
    Client::http1(address).await.send(request, address).await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Response<Bytes> {
    send(address, Request::get(path).body(Full::default()).unwrap()).await
}

pub(crate) async fn post(address: SocketAddr, path: &str, body: &Value) -> Response<Bytes> {
    let request = Request::post(path).header("content-type", "application/json");
    send(address, request.body(body.to_string().into()).unwrap()).await
}

pub(crate) fn json_of(response: Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_else(|error| panic!("{error}: {response:?}"))
}

/// Asserts that the gateway answered by itself, with this status; the detail.
#[track_caller]
pub(crate) fn problem(response: Response<Bytes>, status: u16) -> String {
    assert_eq!(response.status(), status, "{response:?}");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(response.headers().contains_key("retry-after"), [429, 503].contains(&status));
    let problem = json_of(response);
    assert_eq!((&problem["status"], &problem["request_id"]), (&json!(status), &json!(id)));
    problem["detail"].as_str().unwrap().to_owned()
}

/// Waits until `is_so`.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes to be so");
}

/// Serves until the process is killed.
pub(crate) async fn serve_for_ever(name: &str) -> ! {
    let service = support::service(|request| async move {
        match request.uri().path() {
            "/pid" => Response::new(std::process::id().to_string().into()),
            _ => std::future::pending().await,
        }
    });
    let serving = slotbus::serve(service).name(name).prefix("hub").into_future();
    println!("ready");
    serving.await.unwrap();
    unreachable!("it is killed")
}
