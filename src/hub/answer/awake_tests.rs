//! A caller that waits awake, and another that it wakes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use http::Request;

use crate::body::Body;
use crate::hub::by_hand_tests::{self as by_hand, Calling, claim, hub_that_spins, reply, worker};
use crate::hub::call::call;
use crate::hub::manner::Manner;
use crate::hub::shared::Shared;
use crate::hub::watcher;
use crate::protocol::BusName;
use crate::slot::{Attachment, ClaimedSlot};

const SPIN: Duration = Duration::from_micros(50);

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Caller {
    call: Calling,
    woken: Arc<Woken>,
}

impl Caller {
    fn new(hub: &Arc<Shared>, manner: Manner) -> Self {
        let request = Request::get("/").body(Body::empty()).unwrap();
        Self { call: Box::pin(call(Arc::clone(hub), request, None, manner, None)), woken: Arc::default() }
    }

    /// Whether it has its answer.
    fn poll(&mut self) -> bool {
        let waker = Waker::from(Arc::clone(&self.woken));
        match self.call.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => result.unwrap().status() == 201,
            Poll::Pending => false,
        }
    }

    /// How often it was woken since this was asked last.
    fn take_wakes(&self) -> u32 {
        self.woken.0.swap(0, Ordering::SeqCst)
    }
}

/// A hub whose callers are not asked to let others run for their being alone for long.
fn hub(name: &BusName) -> Arc<Shared> {
    let hub = hub_that_spins(name, SPIN);
    assert!(hub.owes_courtesy(Instant::now() + Duration::from_secs(3600)));
    hub
}

/// A caller on the board, whose request a worker has claimed.
fn parked(hub: &Arc<Shared>, worker: &Arc<Attachment>) -> (Caller, ClaimedSlot) {
    parked_in(Manner::Park, hub, worker)
}

fn parked_in(manner: Manner, hub: &Arc<Shared>, worker: &Arc<Attachment>) -> (Caller, ClaimedSlot) {
    let mut caller = Caller::new(hub, manner);
    assert!(!caller.poll() && caller.take_wakes() == 0 && hub.interested.get() == 1, "it spins, alone, and parks");
    (caller, claim(worker).unwrap())
}

#[test]
fn a_caller_of_an_executor_that_takes_anothers_ring_lets_it_run_instead_of_spinning() {
    let name = by_hand::name();
    let (hub, worker) = (hub(&name), worker(&name, None));
    // On one core nobody waits awake.
    let may_stay = !hub.spin.budget().is_zero();
    for (manner, gives_way) in [(Manner::Yield, may_stay), (Manner::Park, false)] {
        let (mut parked, lease) = parked(&hub, &worker);
        assert!(lease.answer(reply(0, 0)));
        let mut spinning = Caller::new(&hub, manner);
        assert!(!spinning.poll());
        assert_eq!(parked.take_wakes(), 1);
        // One that gives way is not on the board, and has itself polled again.
        assert_eq!(
            (spinning.take_wakes(), hub.interested.get()),
            if gives_way { (1, 1) } else { (0, 2) },
            "{manner:?}"
        );
        assert!(parked.poll());
        assert!(claim(&worker).unwrap().answer(reply(0, 0)) && spinning.poll());
    }
}

/// As the watcher does: takes the ring, which another caller would give way for, and wakes whom it was for.
fn wake(hub: &Arc<Shared>, caller: &Caller) {
    hub.bus.bus().responses().take_all();
    watcher::look(hub);
    assert_eq!(caller.take_wakes(), 1);
}

#[test]
fn tasks_that_were_woken_come_before_one_that_has_just_sent_until_they_came_or_gave_up() {
    let name = by_hand::name();
    let (hub, worker) = (hub(&name), worker(&name, None));
    // On one core nobody waits awake, not even for others.
    let may_stay = !hub.spin.budget().is_zero();
    for (manner, comes) in [(Manner::Yield, true), (Manner::Yield, false), (Manner::Park, true)] {
        let (mut woken, lease) = parked_in(manner, &hub, &worker);
        assert!(lease.answer(reply(0, 0)));
        wake(&hub, &woken);
        // A plain thread runs wherever the kernel puts it.
        let is_task = manner == Manner::Yield;
        assert_eq!(hub.board.due(), u64::from(is_task));
        let mut next = Caller::new(&hub, Manner::Yield);
        assert!(!next.poll());
        let waits_awake = is_task && may_stay;
        assert_eq!((next.take_wakes(), hub.interested.get()), if waits_awake { (1, 1) } else { (0, 2) }, "{manner:?}");
        if comes {
            assert!(woken.poll());
        }
        drop(woken);
        assert_eq!(hub.board.due(), 0);
        assert!(claim(&worker).unwrap().answer(reply(0, 0)) && next.poll());
    }
}

#[test]
fn a_task_that_was_woken_for_nothing_is_not_due_once_it_has_looked() {
    let name = by_hand::name();
    let (hub, worker) = (hub(&name), worker(&name, None));
    let (mut caller, lease) = parked_in(Manner::Yield, &hub, &worker);
    hub.board.wake_all();
    // Woken twice before it comes, it is due once.
    hub.board.wake_all();
    assert_eq!((caller.take_wakes(), hub.board.due()), (1, 1));
    assert!(!caller.poll() && hub.board.due() == 0);
    assert!(lease.answer(reply(0, 0)) && caller.poll() && hub.board.due() == 0);
}

#[test]
fn for_a_task_that_was_woken_and_that_nobody_polls_others_give_way_a_few_times_and_no_more() {
    let name = by_hand::name();
    let (hub, worker) = (hub(&name), worker(&name, None));
    let (mut woken, lease) = parked_in(Manner::Yield, &hub, &worker);
    assert!(lease.answer(reply(0, 0)));
    wake(&hub, &woken);
    let turns = (0..1000).filter(|_| hub.board.gives_a_turn()).count();
    assert!((32..100).contains(&turns), "{turns}: tokio looks at what other threads have woken after 31 turns");
    assert!(woken.poll() && !hub.board.gives_a_turn());
}

#[test]
fn giving_way_ends_soon_whatever_rings_come() {
    let name = by_hand::name();
    let (hub, worker) = (hub(&name), worker(&name, None));
    let (mut parked, lease) = parked(&hub, &worker);
    let mut spinning = Caller::new(&hub, Manner::Yield);
    let parks = (0..1_000_000).any(|_| {
        hub.bus.bus().responses().ring();
        assert!(!spinning.poll());
        hub.interested.get() == 2
    });
    assert!(parks, "it stays awake, and looks at no deadline");
    assert!(lease.answer(reply(0, 0)) && parked.poll());
    assert!(claim(&worker).unwrap().answer(reply(0, 0)) && spinning.poll());
}

#[test]
fn giving_way_makes_nobody_spin_for_longer() {
    let name = by_hand::name();
    let (hub, worker) = (hub(&name), worker(&name, None));
    let (mut parked, lease) = parked(&hub, &worker);
    hub.spin.parked_for(Duration::from_secs(1));
    let budget = hub.spin.budget();
    assert!(lease.answer(reply(0, 0)));
    let mut spinning = Caller::new(&hub, Manner::Yield);
    assert!(!spinning.poll() && hub.spin.budget() <= budget);
    assert!(parked.poll());
    assert!(claim(&worker).unwrap().answer(reply(0, 0)) && spinning.poll());
}
