//! Clients whose event streams are held open for workers: who is told of their coming and going.
//!
//! A client follows its route. What stays true: a client is listed before the routes are looked up for it, and all that are
//! listed follow after the routes have changed, so none is left with a worker that was replaced meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum_core::response::Response;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use hyper::body::Incoming;
use tokio::sync::oneshot;

use super::Inner;
use super::forward::{prepare, route};
use super::refused::Refused;
use super::streams::{Place, Topic};
use super::table::{Found, Table, Target};
use super::worker::{Unanswered, Worker};
use crate::body::Body;
use crate::control::{Lifecycle, SseLifecycle};
use crate::protocol::RequestId;

/// How long a worker has to hear of a client that came or went.
const PATIENCE: Duration = Duration::from_secs(5);

/// The clients, by the numbers of their streams.
#[derive(Debug, Default)]
pub(super) struct Audience(Mutex<BTreeMap<u64, Arc<Client>>>);

/// A client, as its worker is told of it.
#[derive(Debug)]
struct Client {
    uri: Uri,
    headers: HeaderMap,
    id: RequestId,
    state: Mutex<State>,
    /// Held while a worker is told, so that it hears of one thing after the other.
    telling: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    target: Arc<Target>,
    /// Of the processes that have that route.
    generation: u64,
    /// Who was told of the client last, or is hearing of it.
    heard: Option<(Weak<Worker>, u64)>,
    /// Whether a worker knows the client, or is hearing of it.
    told: bool,
    gone: bool,
}

/// Holds a client's connection open; its worker hears of it, with the client's headers, and may refuse it.
pub(super) async fn open(
    gateway: &Arc<Inner>,
    target: Arc<Target>,
    peer: SocketAddr,
    id: RequestId,
    request: Request<Incoming>,
) -> Result<Response, Refused> {
    let path = request.uri().path().to_owned();
    let (mut parts, _) = request.into_parts();
    prepare(&mut parts, &target, peer, id);
    for name in [header::CONTENT_LENGTH, header::CONTENT_TYPE] {
        parts.headers.remove(name);
    }
    let state = State { generation: target.worker.generation(), target, heard: None, told: false, gone: false };
    let (state, telling) = (Mutex::new(state), tokio::sync::Mutex::default());
    let client = Arc::new(Client { uri: parts.uri, headers: parts.headers, id, state, telling });
    // Listed before its worker is told, so that no event is lost that the worker sends at once.
    let stream = gateway.streams.open(Topic::Path(path.clone()), {
        let (gateway, client) = (Arc::clone(gateway), Arc::clone(&client));
        move |number, place| gateway.audience.left(&gateway, number, place, client)
    })?;
    gateway.audience.lock().insert(stream.number(), Arc::clone(&client));
    let Some(target) = find(&gateway.registry.table(), &path) else {
        stream.end_quietly();
        return Err(Refused::new(StatusCode::NOT_FOUND, "no worker has registered this path any more"));
    };
    let asked = client.begin(target);
    // On a task: a client that leaves meanwhile does not end it, and its worker hears of the leaving after the coming.
    let (told, answer) = oneshot::channel();
    gateway.tasks.begin({
        let (client, asked) = (Arc::clone(&client), Arc::clone(&asked));
        async move { drop(told.send(client.connect(&asked).await)) }
    });
    let ended = |_| Refused::new(StatusCode::SERVICE_UNAVAILABLE, "the gateway is ending");
    let answer = answer.await.map_err(ended)??;
    if !takes(&answer) {
        // Its worker does not want it. What ends now it is not told of any more than a client that was never there; but one
        // that has taken the worker's place may know the client.
        if client.is_with(&asked) {
            stream.end_quietly();
        }
        return Ok(answer);
    }
    Ok(stream.into_response())
}

/// Whether a worker that was told of a client takes it.
fn takes(answer: &Response) -> bool {
    !answer.status().is_client_error() && !answer.status().is_server_error()
}

/// Where a path's stream is.
fn find(table: &Table, path: &str) -> Option<Arc<Target>> {
    match table.find(&Method::GET, path) {
        Found::Target(target) if target.sse => Some(target),
        _ => None,
    }
}

impl Audience {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the clients follow their routes, which may have changed: who has other workers than before is told to these, and
    /// whom no worker takes is ended.
    pub(super) fn follow(&self, gateway: &Arc<Inner>) {
        let table = gateway.registry.table();
        let clients: Vec<_> = self.lock().iter().map(|(number, client)| (*number, Arc::clone(client))).collect();
        for (number, client) in clients {
            let topic = Topic::Path(client.uri.path().to_owned());
            let Some(target) = find(&table, client.uri.path()) else {
                gateway.streams.end(&topic, number);
                continue;
            };
            if client.goes_to(&target) {
                let streams = Arc::clone(&gateway.streams);
                gateway.tasks.begin(async move {
                    let answer = client.connect(&target).await;
                    if !answer.is_ok_and(|answer| takes(&answer)) && client.is_with(&target) {
                        streams.end(&topic, number);
                    }
                });
            }
        }
    }

    /// A client has gone: tells its worker, on a task that the gateway waits for when it ends. Its place is free when that is done,
    /// so no more clients are kept than there may be streams.
    fn left(&self, gateway: &Inner, number: u64, place: Place, client: Arc<Client>) {
        self.lock().remove(&number);
        let target = client.leave();
        gateway.tasks.begin(async move {
            // Nobody hears what is said on a bus that is no more.
            if !target.worker.is_closed() && client.disconnect(&target).await.is_err() {
                tracing::warn!(worker = target.worker.name(), "not told that a client has gone");
            }
            drop(place);
        });
    }
}

impl State {
    /// Whether the processes that have the route now are those that were told.
    fn was_heard_of_by(&self, worker: &Arc<Worker>) -> bool {
        let heard = self.heard.as_ref();
        heard.is_some_and(|(who, generation)| {
            std::ptr::eq(who.as_ptr(), Arc::as_ptr(worker)) && *generation == self.generation
        })
    }
}

impl Client {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its first worker is about to be told: that of the route as it is now.
    fn begin(&self, target: Arc<Target>) -> Arc<Target> {
        let mut state = self.state();
        state.told = true;
        state.generation = target.worker.generation();
        state.target = Arc::clone(&target);
        target
    }

    /// Its route is this one now; whether the workers there have to be told of it.
    fn goes_to(&self, target: &Arc<Target>) -> bool {
        let mut state = self.state();
        let generation = target.worker.generation();
        let same = Arc::ptr_eq(&state.target.worker, &target.worker) && state.generation == generation;
        state.target = Arc::clone(target);
        state.generation = generation;
        !same && state.told && !state.gone
    }

    fn is_with(&self, target: &Arc<Target>) -> bool {
        Arc::ptr_eq(&self.state().target.worker, &target.worker)
    }

    /// It has gone; who is to know.
    fn leave(&self) -> Arc<Target> {
        let mut state = self.state();
        state.gone = true;
        Arc::clone(&state.target)
    }

    /// Tells a worker that the client is there, if it still is.
    async fn connect(&self, target: &Target) -> Result<Response, Refused> {
        let _turn = self.telling.lock().await;
        {
            let mut state = self.state();
            if state.gone {
                return Err(Refused::new(StatusCode::NOT_FOUND, "the client has gone"));
            }
            state.heard = Some((Arc::downgrade(&target.worker), target.worker.generation()));
        }
        let mut request = self.request(target, Lifecycle::Connect);
        *request.headers_mut() = self.headers.clone();
        request.extensions_mut().insert(self.id);
        tell(target, request).await
    }

    /// Tells a worker that the client is there no more, if it has heard that it was.
    async fn disconnect(&self, target: &Target) -> Result<(), Refused> {
        let _turn = self.telling.lock().await;
        if self.state().was_heard_of_by(&target.worker) {
            tell(target, self.request(target, Lifecycle::Disconnect)).await?;
        }
        Ok(())
    }

    fn request(&self, target: &Target, what: Lifecycle) -> Request<Body> {
        let route = route(target, self.uri.path());
        let params: HashMap<_, _> = route.params.iter().cloned().collect();
        let body = serde_json::to_vec(&SseLifecycle { sse_lifecycle: what, params }).expect("strings always serialise");
        let mut request = Request::new(body.into());
        *request.uri_mut() = self.uri.clone();
        request.extensions_mut().insert(route);
        request
    }
}

async fn tell(target: &Target, request: Request<Body>) -> Result<Response, Refused> {
    let telling = tokio::time::timeout(PATIENCE, target.worker.call(request, 0, PATIENCE));
    let told: Result<Result<_, Unanswered>, _> = telling.await;
    Ok(told.map_err(|_| Refused::new(StatusCode::GATEWAY_TIMEOUT, "the worker did not take the client within 5 s"))??)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::hub::Hub;

    /// The route of a bus of its own, where nobody answers.
    fn target(name: &str) -> Arc<Target> {
        let hub = Hub::builder(format!("audience{name}{}", std::process::id())).create().unwrap();
        let pattern = crate::http::pattern::Pattern::parse("/a").unwrap();
        let worker = Arc::new(Worker::new(hub));
        Arc::new(Target { worker, method: Method::GET, registered: "/a".to_owned(), pattern, sse: true })
    }

    fn client(target: &Arc<Target>) -> Client {
        let state = State { generation: 0, target: Arc::clone(target), heard: None, told: false, gone: false };
        let (uri, id) = (Uri::from_static("/a"), uuid::Uuid::new_v4().into());
        Client { uri, headers: HeaderMap::new(), id, state: state.into(), telling: tokio::sync::Mutex::default() }
    }

    /// Whether a worker is told that a client, which leaves after `before`, is gone.
    fn is_told(client: &Client) -> bool {
        let target = client.leave();
        let told = client.disconnect(&target).now_or_never();
        assert!(told.as_ref().is_none_or(Result::is_ok), "{told:?}");
        told.is_none()
    }

    #[tokio::test]
    async fn who_has_not_heard_that_a_client_came_is_not_told_that_it_left() {
        let (target, next) = (target("a"), target("b"));
        let early = client(&target);
        early.begin(Arc::clone(&target));
        assert!(!is_told(&early));
        assert!(early.connect(&target).now_or_never().unwrap().is_err(), "it is too late for that");
        let heard = client(&target);
        heard.begin(Arc::clone(&target));
        assert!(heard.connect(&target).now_or_never().is_none());
        assert!(is_told(&heard));
        // Its route went to others, who are about to hear of it; or the processes behind it are others.
        let passed_on = client(&target);
        passed_on.begin(Arc::clone(&target));
        assert!(passed_on.connect(&target).now_or_never().is_none());
        assert!(passed_on.goes_to(&next));
        assert!(!is_told(&passed_on));
    }
}
