//! Order, leaving, closing and holding back.

use futures::FutureExt;
use uuid::Uuid;

use super::*;
use crate::bus::{Access, Bus, Founding};
use crate::protocol::{BusName, PUBLISHED_HEAD, Version};

fn pool(slots: usize) -> Arc<Pool> {
    let name = BusName::new("slotbus-test", &Uuid::new_v4().to_string()).unwrap();
    let founding =
        Founding { version: Version::V1, slots, half: 64, ahead: true, force: false, access: Access::default() };
    Arc::new(Pool::new(Arc::new(HubBus::new(Bus::found(&name, &founding).unwrap(), 1 << 20))))
}

#[test]
fn callers_get_slots_in_the_order_they_asked() {
    let pool = pool(1);
    let permit = pool.acquire().now_or_never().unwrap().unwrap();
    let (mut second, mut third) = (pool.acquire(), pool.acquire());
    assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
    drop(permit);
    assert!((&mut third).now_or_never().is_none(), "it is not its turn");
    assert!(pool.acquire().now_or_never().is_none(), "nobody overtakes");
    drop(second.now_or_never().unwrap());
    assert!(third.now_or_never().is_some());
    assert_eq!(pool.free.len(), 1);
}

#[test]
fn a_caller_that_leaves_passes_its_slot_on() {
    let pool = pool(1);
    let permit = pool.acquire().now_or_never().unwrap().unwrap();
    let (mut second, mut third) = (pool.acquire(), pool.acquire());
    assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
    drop(permit);
    drop(second);
    assert!(third.now_or_never().is_some());
}

#[test]
fn a_closed_pool_refuses_those_who_wait_and_those_who_come() {
    let pool = pool(1);
    let _permit = pool.acquire().now_or_never().unwrap().unwrap();
    let mut waiting = pool.acquire();
    assert!((&mut waiting).now_or_never().is_none());
    pool.close();
    assert_eq!(waiting.now_or_never().unwrap().err(), Some(Closed));
    assert_eq!(pool.acquire().now_or_never().unwrap().err(), Some(Closed));
}

#[test]
fn a_waker_that_drops_its_caller_finds_no_lock_held() {
    struct Dropping(Mutex<Option<Acquire>>);

    impl std::task::Wake for Dropping {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().unwrap().take());
        }
    }

    let pool = pool(1);
    let permit = pool.acquire().now_or_never().unwrap().unwrap();
    let mut waiting = pool.acquire();
    let waker = Arc::new(Dropping(Mutex::default()));
    assert!(Pin::new(&mut waiting).poll(&mut Context::from_waker(&Waker::from(Arc::clone(&waker)))).is_pending());
    *waker.0.lock().unwrap() = Some(waiting);
    drop(permit);
    assert!(pool.acquire().now_or_never().is_some(), "the slot of the dropped caller came back");
}

#[test]
fn beside_a_slot_that_never_comes_back_callers_are_held_once_and_then_go_one_at_a_time() {
    let pool = pool(4);
    let region = pool.bus.bus().region();
    let (head, end) = (&region.header().alloc_head, region.geometry().bump_end());
    let (start, heads) = (head.given_out(), 2 * PUBLISHED_HEAD);
    head.take(end - start - heads, end).unwrap();
    let lost = pool.take_this(pool.bus.slots().next().unwrap()).unwrap();
    std::mem::forget(pool.bus.reserve(lost.slot()).unwrap());

    let mut waiting = pool.acquire();
    assert!((&mut waiting).now_or_never().is_none(), "it is held");
    pool.lock().shortage.as_mut().unwrap().since -= LONGEST_HOLD;
    pool.retry();
    let mut permit = waiting.now_or_never().expect("it was held for long enough").unwrap();
    for _ in 0..10 {
        let mut second = pool.acquire();
        assert!((&mut second).now_or_never().is_none(), "one at a time");
        drop(permit);
        permit = second.now_or_never().expect("nobody is held for the same slot again").unwrap();
    }
    drop(permit);

    // For one caller beside the lost slot there is no room.
    head.take(8, end).unwrap();
    let mut waiting = pool.acquire();
    assert!((&mut waiting).now_or_never().is_none(), "its answer would be lost");
    assert!(!pool.is_used_up(), "it has not waited for long");
    *pool.lock().shortage.as_mut().unwrap().refused.as_mut().unwrap() -= LOST_AFTER;
    assert!(pool.is_used_up());

    pool.bus.bus().region().slot(lost.slot()).status.reset();
    drop(lost);
    let permits = [waiting, pool.acquire(), pool.acquire()].map(|all| all.now_or_never().expect("every slot was free"));
    assert_eq!((head.given_out(), pool.is_used_up(), permits.len()), (start, false, 3));
}

#[test]
fn a_used_up_bump_area_holds_callers_back_until_every_slot_is_free() {
    let pool = pool(2);
    let region = pool.bus.bus().region();
    let head = &region.header().alloc_head;
    let start = head.given_out();
    head.take(100 * 1024, region.geometry().bump_end()).unwrap();
    let busy = pool.bus.slots().next().unwrap();
    let reserved = pool.bus.reserve(busy).unwrap();
    let permit = Permit { pool: Arc::clone(&pool), slot: busy };
    assert_eq!(pool.free.take(), Some(busy.get()));
    let mut waiting = pool.acquire();
    assert!((&mut waiting).now_or_never().is_none());
    drop(reserved);
    drop(permit);
    assert!(waiting.now_or_never().is_some());
    assert_eq!(head.given_out(), start);
}
