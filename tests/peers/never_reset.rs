//! The published 0.1.2 hub with one request always in flight, so that it never resets its heap while others are: what
//! is wrong then is not its reset.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::time::Duration;

use published01::transport::Response;
use published01::types::RequestMeta;
use tokio::sync::oneshot::Receiver;
use uuid::Uuid;

use crate::echo::{Answer, Ask, PIN, UNPIN};
use crate::hubs::Published01;
use crate::load::{Caller, Outcome};

pub(crate) struct NeverReset {
    hub: Published01,
    region: File,
    /// The request that stays in flight over a phase.
    pinned: Mutex<Option<Receiver<Response>>>,
}

impl NeverReset {
    /// Takes over the hub of the bus called `name`.
    pub(crate) fn new(hub: Published01, name: &str) -> Self {
        let region = File::open(format!("/dev/shm/slotbus-{name}")).expect("the hub made its region");
        Self { hub, region, pinned: Mutex::default() }
    }

    fn send(&self, path: &str) -> Receiver<Response> {
        let (path, route_pattern) = (path.to_owned(), String::new());
        let meta = RequestMeta { path, route_pattern, path_params: Vec::new(), query: None, headers: Vec::new() };
        self.hub.bus.dispatch(&Uuid::new_v4().to_string(), "POST", &meta, b"").expect("an empty heap")
    }

    fn head_of_heap(&self) -> u32 {
        let mut word = [0; 4];
        self.region.read_exact_at(&mut word, 20).expect("a header");
        u32::from_le_bytes(word)
    }
}

impl Caller for NeverReset {
    async fn call(&self, id: Uuid, ask: &Ask, give_up: Duration) -> Outcome {
        self.hub.call(id, ask, give_up).await
    }

    fn begin(&self) {
        // The reset that follows the last answer must not meet the pin.
        while self.head_of_heap() != 0 {
            std::thread::yield_now();
        }
        *self.pinned.lock().expect("no panic while it is held") = Some(self.send(PIN));
    }

    fn end(&self) {
        let unpinned = self.send(UNPIN);
        let pinned = self.pinned.lock().expect("no panic while it is held").take().expect("a phase began");
        for answer in [unpinned, pinned] {
            let answer = answer.blocking_recv().expect("an answer");
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        }
    }

    fn refused(&self) -> u64 {
        self.hub.refused()
    }

    fn is_failed_open(&self, answer: &Answer) -> bool {
        self.hub.is_failed_open(answer)
    }
}
