//! What callers do between two steps of whoever looks after dead workers.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::hub::by_hand_tests::{
    Calling, SHORT, calling_in, check_goes_on, check_own, claim, hub_that_spins, name, poll, reply, worker,
};
use crate::hub::manner::Manner;
use crate::hub::watcher;
use crate::sync::stores;

#[test]
fn a_request_in_the_slot_of_one_whose_worker_died_is_not_taken_for_it() {
    let name = name();
    let (hub, second) = (hub_that_spins(&name, Duration::from_micros(50)), worker(&name, None));
    let dead = worker(&name, None);
    // Somebody else waits awake, so that callers do not park.
    hub.awake.enter();
    let mut first = calling_in(Manner::Yield, &hub, 1, SHORT);
    assert!(poll(&mut first).is_pending());
    let lease = claim(&dead).expect("it was sent");
    stores::listen(0);
    drop((lease, dead));
    stores::heard();

    let next: Rc<RefCell<Option<Calling>>> = Rc::default();
    stores::interrupt(1, {
        let (hub, next) = (Arc::clone(&hub), Rc::clone(&next));
        move || {
            drop(first);
            let mut call = calling_in(Manner::Yield, &hub, 2, SHORT);
            assert!(poll(&mut call).is_pending());
            *next.borrow_mut() = Some(call);
        }
    });
    watcher::look_after_life(&hub);
    assert!(stores::heard().contains(&"status"));

    let mut next = next.take().expect("it was called meanwhile");
    let lease = claim(&second).expect("the second request is in the slot of the first");
    hub.awake.leave();
    assert!(poll(&mut next).is_pending(), "its own worker lives");
    assert!(lease.answer(reply(2, SHORT)));
    let std::task::Poll::Ready(answer) = poll(&mut next) else { panic!("it was answered") };
    assert!(answer.is_ok());
    check_own(answer, 2, SHORT, "after the first was freed");
    drop(next);
    check_goes_on(&hub, &second, "after all");
}
