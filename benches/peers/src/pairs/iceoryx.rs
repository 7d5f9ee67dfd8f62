//! iceoryx2: request-response with slices of bytes, one client and one server.
//!
//! Each side copies a payload once, into memory that it loaned; what it received it reads in place. Both either poll all
//! the time, or wait for an event when there is nothing to do; then whoever has sent a batch notifies the other once.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use iceoryx2::pending_response::PendingResponse;
use iceoryx2::port::client::Client;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::request_response;

use crate::drive::{Engine, LIMIT, Sample, Tally, drive_engine};
use crate::load::{GET_LEN, HELLO, Load, Pace};
use crate::process::{Page, Place, Servers, Setup};

/// What a side does when there is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wait {
    Busy,
    Event,
}

type Bus = request_response::PortFactory<ipc::Service, [u8], (), [u8], ()>;
type Pending = PendingResponse<ipc::Service, [u8], (), [u8], ()>;

fn request_len(load: Load) -> usize {
    if load == Load::Get { GET_LEN } else { load.len() }
}

/// A node whose objects all carry the place's name.
fn node(place: &Place) -> Node<ipc::Service> {
    set_log_level(LogLevel::Error);
    let mut config = Config::default();
    config.global.prefix = FileName::new(format!("{}-", place.name()).as_bytes()).expect("a name of letters");
    let root = place.folder().into_os_string().into_encoded_bytes();
    config.global.set_root_path(&Path::new(&root).expect("the folder has a short path"));
    let node = NodeBuilder::new().config(&config).signal_handling_mode(SignalHandlingMode::Disabled);
    node.create().expect("a node can be made")
}

fn bus(node: &Node<ipc::Service>, in_flight: usize) -> Bus {
    let name = "bench".try_into().expect("a service name");
    let service = node.service_builder(&name).request_response::<[u8], [u8]>();
    let service = service.max_clients(1).max_servers(1).max_nodes(2).max_response_buffer_size(1);
    let service = service.max_active_requests_per_client(in_flight).max_loaned_requests(in_flight);
    service.open_or_create().expect("a service can be made")
}

/// One side's ends of the events: it notifies one, it listens to the other.
struct Events {
    notifier: Notifier<ipc::Service>,
    listener: Listener<ipc::Service>,
}

impl Events {
    fn new(node: &Node<ipc::Service>, [notified, heard]: [&str; 2]) -> Self {
        let event = |name: &str| {
            let name = name.try_into().expect("a service name");
            node.service_builder(&name).event().open_or_create().expect("an event can be made")
        };
        Self {
            notifier: event(notified).notifier_builder().create().expect("the event has room for a notifier"),
            listener: event(heard).listener_builder().create().expect("the event has room for a listener"),
        }
    }

    fn notify(&self) {
        let _ = self.notifier.notify();
    }
}

pub(super) fn serve(wait: Wait, setup: &Setup) {
    let page = Page::open(&setup.place);
    let node = node(&setup.place);
    let bus = bus(&node, setup.in_flight);
    let events = (wait == Wait::Event).then(|| Events::new(&node, ["answers", "requests"]));
    let server = bus.server_builder().initial_max_slice_len(request_len(setup.load)).create();
    let server = server.expect("the service has room for a server");
    page.be_ready();
    while !page.stop.load(Ordering::Acquire) {
        let mut answered = false;
        while let Some(request) = server.receive().expect("requests can be received") {
            let payload = request.payload();
            let answer = if payload.len() == GET_LEN { HELLO.as_bytes() } else { payload };
            let response = request.loan_slice_uninit(answer.len()).expect("a response was set aside");
            // A client that gave up is counted there.
            let _ = response.write_from_slice(answer).send();
            answered = true;
        }
        match &events {
            Some(events) if answered => events.notify(),
            Some(events) => drop(events.listener.blocking_wait(|_| {})),
            None if answered => {}
            None => std::hint::spin_loop(),
        }
    }
}

pub(super) fn measure(wait: Wait, setup: &Setup, pace: Pace, length: Duration) -> Sample {
    let page = Page::create(&setup.place);
    let mut servers = Servers::start(setup, 1);
    page.wait_until_ready();
    let node = node(&setup.place);
    let bus = bus(&node, setup.in_flight);
    let payload = vec![7; request_len(setup.load)];
    let client = bus.client_builder().initial_max_slice_len(payload.len()).create();
    let mut side = Side {
        events: (wait == Wait::Event).then(|| Events::new(&node, ["requests", "answers"])),
        client: client.expect("the service has room for a client"),
        payload,
        answer_len: setup.load.answer_len(),
        in_flight: setup.in_flight,
    };
    let sample = drive_engine(&mut side, pace, length, &servers);
    // It removes its objects when it ends by itself.
    page.stop.store(true, Ordering::Release);
    if let Some(events) = &side.events {
        events.notify();
    }
    servers.wait();
    sample
}

/// The client's side.
struct Side {
    client: Client<ipc::Service, [u8], (), [u8], ()>,
    events: Option<Events>,
    payload: Vec<u8>,
    answer_len: usize,
    in_flight: usize,
}

/// How one call stands.
enum Look {
    Waiting,
    Answered(bool),
}

impl Side {
    fn send(&self) -> Option<Pending> {
        let request = self.client.loan_slice_uninit(self.payload.len()).ok()?;
        request.write_from_slice(&self.payload).send().ok()
    }

    fn look(&self, pending: &Pending) -> Look {
        match pending.receive() {
            Ok(None) => Look::Waiting,
            Ok(Some(response)) => Look::Answered(response.payload().len() == self.answer_len),
            Err(_) => Look::Answered(false),
        }
    }

    /// Nothing has come: waits for the event, or lets the processor breathe.
    fn pause(&self) {
        match &self.events {
            Some(events) => drop(events.listener.timed_wait(|_| {}, LIMIT)),
            None => std::hint::spin_loop(),
        }
    }

    fn notify(&self) {
        if let Some(events) = &self.events {
            events.notify();
        }
    }

    /// Whether it is time to look at the clock after `looks` in vain: each look takes much less than the clock when
    /// polling, and much more when waiting for events.
    fn is_clock_due(&self, looks: u32) -> bool {
        self.events.is_some() || looks.is_multiple_of(1 << 10)
    }
}

impl Engine for Side {
    fn call(&mut self) -> bool {
        let Some(pending) = self.send() else { return false };
        self.notify();
        let (mut looks, mut since) = (0_u32, None);
        loop {
            if let Look::Answered(is_right) = self.look(&pending) {
                return is_right;
            }
            self.pause();
            looks = looks.wrapping_add(1);
            if self.is_clock_due(looks) && since.get_or_insert_with(Instant::now).elapsed() > LIMIT {
                return false;
            }
        }
    }

    fn closed(&mut self, end: Instant) -> Tally {
        let mut tally = Tally::new();
        let mut calls: Vec<(Option<Pending>, Instant)> = (0..self.in_flight).map(|_| (None, Instant::now())).collect();
        let (mut open, mut looks) = (0_usize, 0_u32);
        let mut now = Instant::now();
        while now < end || open > 0 {
            let (mut sent, mut came) = (false, false);
            for (pending, start) in &mut calls {
                if let Some(waiting) = pending {
                    let Look::Answered(is_right) = self.look(waiting) else { continue };
                    now = Instant::now();
                    tally.count(*start, now, is_right);
                    (*pending, came) = (None, true);
                    open -= 1;
                }
                if now < end {
                    *start = now;
                    *pending = self.send();
                    match pending {
                        Some(_) => (open, sent) = (open + 1, true),
                        None => tally.count(now, now, false),
                    }
                }
            }
            if sent {
                self.notify();
            }
            if came {
                continue;
            }
            self.pause();
            looks = looks.wrapping_add(1);
            if self.is_clock_due(looks) {
                now = Instant::now();
                for (pending, start) in
                    calls.iter_mut().filter(|(pending, start)| pending.is_some() && now - *start > LIMIT)
                {
                    tally.count(*start, now, false);
                    *pending = None;
                    open -= 1;
                }
            }
        }
        tally
    }
}
