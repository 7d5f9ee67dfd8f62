//! Where bodies lie, what is kept for the next ones, and how often they are copied.

#![allow(unsafe_code, reason = "an allocator that counts, and the promise that both sides are of this crate")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use http::Request;
use http_body_util::Full;
use slotbus::TrustedPeers;
use slotbus::hub::Hub;
use support::objects::{mappings, objects};
use support::{Worker, bytes, name};

/// The system's allocator, with a count of the bytes of long blocks. A block that grows counts once more.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Where this machine stands still for a second, what is kept is idle and goes; one calm attempt is enough.
const ATTEMPTS: usize = 20;

/// Blocks from this length on are for bodies.
const LONG: usize = 32 * 1024;

fn count(bytes: usize) {
    if bytes >= LONG {
        TAKEN.fetch_add(bytes, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator with the arguments it came with; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promises, passed on; the block came from the system's allocator.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises, passed on; the block came from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Its tests count what the whole process takes.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn app() -> Router {
    Router::new().route("/", post(|body: Bytes| async move { body }))
}

fn promise() -> TrustedPeers {
    // SAFETY: hub and worker of these tests are of this crate, in this process, and write to no body they lent.
    unsafe { TrustedPeers::promise() }
}

async fn echo(hub: &Hub, body: &Bytes) {
    let answer = hub.call(Request::post("/").body(Full::<Bytes>::from(body.clone())).unwrap()).await.unwrap();
    assert!(bytes(answer).await == body, "{} bytes", body.len());
}

fn body(len: usize) -> Bytes {
    (0..len).map(|i| (i % 251) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_64_kib_lies_in_the_region_by_default_and_a_longer_one_in_an_object_for_each_direction() {
    let _alone = ALONE.lock().await;
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, app());
    let kept = || ["req", "rsp"].map(|kind| objects(&name, kind).len());
    echo(&hub, &body(64 * 1024)).await;
    assert_eq!(kept(), [0, 0]);
    let mut longer = [0, 0];
    for _ in 0..ATTEMPTS {
        echo(&hub, &body(200 * 1024)).await;
        longer = kept();
        if longer == [1, 1] {
            break;
        }
    }
    assert_eq!(longer, [1, 1]);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_a_slot_use_the_objects_and_the_mappings_of_those_before() {
    let _alone = ALONE.lock().await;
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, app());
    let now = || {
        let objects = [objects(&name, "req"), objects(&name, "rsp")];
        let mapped = objects.each_ref().map(mappings);
        (objects, mapped)
    };
    let mut stays = false;
    for _ in 0..ATTEMPTS {
        echo(&hub, &body(400 * 1024)).await;
        let before = now();
        for len in 0..100 {
            echo(&hub, &body(200 * 1024 + len * 2000)).await;
        }
        // The object of each direction, mapped by both sides.
        stays = before.1.each_ref().map(Vec::len) == [2, 2] && now() == before;
        if stays {
            break;
        }
    }
    assert!(stays, "{:?}", now());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_has_one_copy_of_a_body_in_its_own_memory_and_with_zero_copy_none() {
    const ROUNDS: usize = 100;
    let _alone = ALONE.lock().await;
    for lends in [false, true] {
        let name = name();
        let hub = Hub::builder(&name);
        let hub = if lends { hub.zero_copy(promise()) } else { hub }.create().unwrap();
        let worker = Worker::with(&name, app(), |serve| if lends { serve.zero_copy(promise()) } else { serve });
        for len in [64 * 1024, 400 * 1024] {
            let body = body(len);
            echo(&hub, &body).await;
            let mut taken = Vec::new();
            for _ in 0..ROUNDS {
                let before = TAKEN.load(Ordering::Relaxed);
                echo(&hub, &body).await;
                taken.push(TAKEN.load(Ordering::Relaxed) - before);
            }
            // A side that parks throws away what it has read ahead, so the middle one counts.
            taken.sort_unstable();
            let copies = taken[ROUNDS / 2] as f64 / len as f64;
            println!("{copies:.3} private copies of a body of {len} bytes that is echoed, zero_copy: {lends}");
            // A head goes with a copy of a short body; nothing else is that long.
            let expected = if lends { 0.0..0.01 } else { 1.99..2.05 };
            assert!(expected.contains(&copies), "{copies} copies of {len} bytes");
        }
        worker.stop().await;
    }
}
