//! [`Gate`]: what is in a test's way until the test opens it by hand.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::future::BoxFuture;
use tower::{Layer, Service};

use super::patience::{PATIENCE, until};

/// Holds requests, answers or handlers until the test lets them go: a delay that no clock measures.
///
/// A new gate is shut. Clones are the same gate. As a layer it stands before a service or behind it; a handler passes it by
/// [`pass`](Self::pass).
///
/// ```
/// use slotbus::testing::{Gate, TestClient};
/// use slotbus::{Router, handler, routes};
///
/// #[handler(GET, "/")]
/// async fn hello() -> &'static str {
///     "hello"
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let gate = Gate::new();
/// let client = TestClient::new(Router::new().routes(routes![hello]).layer(gate.hold_requests()));
/// let answer = client.get("/").spawn();
/// gate.wait_for(1).await; // it stands there, and its handler has not begun
/// gate.open();
/// answer.await.unwrap().assert_text("hello");
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_open: bool,
    /// How often it was opened: who stood before it then may pass though it was shut again.
    openings: u64,
    next_place: u64,
    waiting: BTreeMap<u64, Waker>,
}

impl Gate {
    /// A gate that is shut.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everybody pass who waits, and who comes.
    pub fn open(&self) {
        let waiting = {
            let mut state = self.state();
            state.is_open = true;
            state.openings += 1;
            std::mem::take(&mut state.waiting)
        };
        // Unlocked, because a waker may run what comes back here.
        waiting.into_values().for_each(Waker::wake);
    }

    /// Holds everybody who comes from now on.
    pub fn shut(&self) {
        self.state().is_open = false;
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Waits until at least `count` wait before the gate.
    ///
    /// # Panics
    /// After a minute, at the line of the test, saying how many there are.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> impl Future<Output = ()> + Send + use<> {
        let (gate, at) = (self.clone(), Location::caller());
        async move {
            let came = until(PATIENCE, || gate.waiting() >= count).await;
            assert!(came, "{at}: {} wait before the gate after {PATIENCE:?}, not {count}", gate.waiting());
        }
    }

    /// Waits until the gate is open.
    pub fn pass(&self) -> Pass {
        Pass { gate: self.clone(), place: None }
    }

    /// A layer that holds requests before its service sees them.
    pub fn hold_requests(&self) -> GateLayer {
        GateLayer { gate: self.clone(), side: Side::Requests }
    }

    /// A layer that holds what its service has answered.
    pub fn hold_answers(&self) -> GateLayer {
        GateLayer { gate: self.clone(), side: Side::Answers }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { is_open, openings: _, next_place: _, waiting } = &*self.state();
        f.debug_struct("Gate").field("is_open", is_open).field("waiting", &waiting.len()).finish()
    }
}

/// Ready when its [`Gate`] lets it pass. Dropped, it waits no longer.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Pass {
    gate: Gate,
    place: Option<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    number: u64,
    /// How often the gate had been opened before.
    openings: u64,
}

impl Future for Pass {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { gate, place } = &mut *self;
        let state = &mut *gate.state();
        if state.is_open || place.is_some_and(|place| place.openings < state.openings) {
            return Poll::Ready(());
        }
        let place = place.get_or_insert_with(|| {
            state.next_place += 1;
            Place { number: state.next_place, openings: state.openings }
        });
        state.waiting.insert(place.number, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Self { gate, place } = self;
        let waker = place.and_then(|place| gate.state().waiting.remove(&place.number));
        drop(waker);
    }
}

/// Puts a [`Gate`] before a service or behind it. Made by [`Gate::hold_requests`] and [`Gate::hold_answers`].
#[derive(Clone, Debug)]
pub struct GateLayer {
    gate: Gate,
    side: Side,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Requests,
    Answers,
}

impl<S> Layer<S> for GateLayer {
    type Service = GateService<S>;

    fn layer(&self, service: S) -> GateService<S> {
        GateService { layer: self.clone(), service }
    }
}

/// A service with a [`Gate`] before it or behind it.
#[derive(Clone, Debug)]
pub struct GateService<S> {
    layer: GateLayer,
    service: S,
}

impl<S, Request> Service<Request> for GateService<S>
where
    S: Service<Request, Future: Send> + Clone + Send + 'static,
    S::Response: Send,
    S::Error: Send,
    Request: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let GateLayer { gate, side } = self.layer.clone();
        // The one that was asked whether it is ready is the one to be called.
        let next = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, next);
        Box::pin(async move {
            if side == Side::Requests {
                gate.pass().await;
            }
            let answer = service.call(request).await;
            if side == Side::Answers {
                gate.pass().await;
            }
            answer
        })
    }
}
