//! A process of the same user that writes what it likes into a live bus: nobody crashes, and what it leaves is overcome.

mod support;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use http::{Request, Response};
use slotbus::Body;
use slotbus::hub::{CallError, Hub};
use support::process::{Process, role};
use support::{bytes, name, service};

const HEADER: u64 = 64;
const SLOT: u64 = 128;
const SLOTS: u64 = 32;

/// A small generator.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Writes into the bus until it is killed.
fn be_hostile(name: &str, seed: u64, with_header: bool) -> ! {
    let open = |name: String| File::options().read(true).write(true).open(format!("/dev/shm/{name}"));
    let region = open(format!("slotbus-{name}")).unwrap();
    let bells = ["req", "rsp"].map(|which| open(format!("sem.slotbus-{name}-{which}")).unwrap());
    let len = region.metadata().unwrap().len();
    let mut dice = Dice(seed | 1);
    println!("ready");
    loop {
        let slot = HEADER + SLOT * dice.below(SLOTS);
        let value = dice.next().to_le_bytes();
        let (file, at, what) = match dice.below(16) {
            // Any byte of any slot.
            0..5 => (&region, slot + dice.below(SLOT), &value[..1]),
            // A status that exists, perhaps with an owner that does not.
            5..9 => {
                let owner = if dice.below(2) == 0 { 0 } else { dice.below(1 << 24) << 8 };
                let word = (dice.below(5) | owner).to_le_bytes();
                let _ = region.write_all_at(&word[..4], slot);
                continue;
            }
            // A number that means an offset, a length, a ticket, a deadline.
            9..12 => (&region, slot + 4 * dice.below(SLOT / 4), &value[..4]),
            // Any byte of the heap, most often where metas begin.
            12..14 => {
                (&region, HEADER + SLOT * SLOTS + dice.below((len - HEADER - SLOT * SLOTS) / 4096) * 4096, &value[..])
            }
            // The count of a bell, and of those who wait on it.
            14 => (&bells[dice.below(2) as usize], dice.below(8), &value[..1]),
            _ if with_header => (&region, dice.below(HEADER), &value[..1]),
            _ => continue,
        };
        let _ = file.write_all_at(what, at);
        std::thread::sleep(Duration::from_micros(20));
    }
}

/// Memory of a process at its highest, in KiB.
fn most_memory(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn request(n: usize) -> Request<Body> {
    Request::post("/echo")
        .body(Body::from(vec![n as u8; if n.is_multiple_of(64) { 200_000 } else { n % 4096 }]))
        .unwrap()
}

/// Sends until `over`; how many calls brought a response, how many another ending. None hangs beyond the hub's time-out.
async fn traffic(hub: &Hub, over: Instant) -> (usize, usize) {
    let callers = (0..8).map(|caller| async move {
        let (mut answered, mut failed) = (0, 0);
        for n in 0.. {
            if Instant::now() >= over {
                break;
            }
            match hub.call(request(caller * 31 + n)).await {
                Ok(response) if response.status() == 200 => answered += 1,
                Err(CallError::Closed) => tokio::time::sleep(Duration::from_millis(1)).await,
                _ => failed += 1,
            }
        }
        (answered, failed)
    });
    let all = futures::future::join_all(callers).await;
    all.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// Calls until 100 in a row have brought their own bytes.
async fn recover(hub: &Hub) -> Duration {
    let start = Instant::now();
    let mut in_a_row = 0;
    while in_a_row < 100 {
        let answer = hub.call(Request::post("/echo").body(Body::from("whole")).unwrap()).await;
        let whole = match answer {
            Ok(response) => response.status() == 200 && bytes(response).await == "whole",
            Err(_) => false,
        };
        in_a_row = if whole { in_a_row + 1 } else { 0 };
        assert!(start.elapsed() < Duration::from_secs(60), "the bus did not recover");
    }
    start.elapsed()
}

async fn survives(test: &str, with_header: bool) {
    if let Some(role) = role() {
        let (kind, rest) = role.split_once(' ').unwrap();
        if kind == "hostile" {
            let (seed, name) = rest.split_once(' ').unwrap();
            be_hostile(name, seed.parse().unwrap(), with_header);
        }
        let echo = service(|request: Request<Body>| async move { Response::new(request.into_body()) });
        println!("ready");
        return slotbus::serve(echo).name(rest).await.unwrap();
    }
    let name = name();
    let create = || Hub::builder(&name).timeout(Duration::from_secs(1)).replace_by_force().create();
    let mut hub = create().unwrap();
    let worker = Process::start(test, &format!("worker {name}"));
    let before = recover(&hub).await;
    let seed = Instant::now().elapsed().subsec_nanos() as u64 ^ u64::from(std::process::id()) << 20;
    println!("seed {seed}; the first hundred took {before:?}");
    for round in 0..4 {
        let hostile = Process::start(test, &format!("hostile {} {name}", seed + round * 7919));
        let (answered, failed) = traffic(&hub, Instant::now() + Duration::from_millis(700)).await;
        hostile.kill();
        if with_header {
            // What the header said is gone for good, and with it the hub's proof of anything.
            hub.close();
            hub = create().unwrap();
        }
        let took = recover(&hub).await;
        println!(
            "round {round}: {answered} answered, {failed} failed; a hundred whole answers {took:?} after it stopped"
        );
    }
    assert!(worker.is_running(), "the worker did not crash");
    let most = [most_memory("self"), most_memory(&worker.id().to_string())];
    println!("memory at its highest: hub {} KiB, worker {} KiB", most[0], most[1]);
    assert!(most.into_iter().all(|most| most < 256 * 1024), "memory stays bounded: {most:?} KiB");
    worker.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_whose_every_slot_is_claimed_by_nobody_moves_to_a_new_region() {
    let name = name();
    let hub = Hub::builder(&name).timeout(Duration::from_millis(50)).create().unwrap();
    let region = File::options().write(true).open(format!("/dev/shm/slotbus-{name}")).unwrap();
    for slot in 0..SLOTS {
        let claimed = slotbus::types::SLOT_CLAIMED.to_le_bytes();
        region.write_all_at(&claimed, HEADER + SLOT * slot).unwrap();
    }
    let worker = support::Worker::start(&name, service(|_| async { Response::new(Body::from("hello")) }));
    loop {
        match hub.call(support::get_request("/")).await {
            Ok(response) => break assert_eq!(bytes(response).await, "hello"),
            Err(error) => assert!(matches!(error, CallError::TimedOut(_) | CallError::Unclaimed(_)), "{error}"),
        }
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hostile_peer_writes_into_slots_heap_and_bells_crashes_nobody_and_is_overcome() {
    survives("what_a_hostile_peer_writes_into_slots_heap_and_bells_crashes_nobody_and_is_overcome", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hostile_peer_writes_into_the_header_crashes_nobody_and_a_new_hub_overcomes_it() {
    survives("what_a_hostile_peer_writes_into_the_header_crashes_nobody_and_a_new_hub_overcomes_it", true).await;
}
