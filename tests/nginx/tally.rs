//! What became of each request, and whether that is what may become of it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};

/// One request, from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) number: usize,
    pub(crate) method: Method,
    pub(crate) begun: Instant,
    pub(crate) took: Duration,
    /// Which machine answered it rightly, or what else the client was told.
    pub(crate) outcome: Result<usize, StatusCode>,
}

/// When what happened to machine 1.
#[derive(Debug)]
pub(crate) struct Times {
    pub(crate) to_be_killed: Instant,
    pub(crate) dead: Instant,
    pub(crate) to_be_started: Instant,
}

/// Checks every request, and every run of a handler; prints figures.
pub(crate) fn check(ended: &[Ended], times: &Times, ran: &[Vec<(String, usize)>; 2]) {
    let failed: Vec<_> = ended.iter().filter(|request| request.outcome.is_err()).collect();
    for request in &failed {
        assert_ne!(request.method, Method::GET, "nginx asks the other machine: {request:?}");
        let end = request.begun + request.took;
        let may_be = match request.outcome {
            // nginx says so when the machine is gone, the gateway when only its worker is.
            Err(StatusCode::BAD_GATEWAY) => request.begun <= times.dead && end >= times.to_be_killed,
            // The gateway that has come back says so until its workers have registered.
            Err(StatusCode::SERVICE_UNAVAILABLE) => end >= times.to_be_started,
            _ => false,
        };
        assert!(may_be, "{request:?}, {times:?}");
    }
    each_machine_has_its_share(ended, times);
    let refused = failed.iter().filter(|request| request.outcome == Err(StatusCode::SERVICE_UNAVAILABLE)).count();
    let unanswered = every_run_is_accounted_for(ended, ran);

    let by = |machine| ended.iter().filter(|request| request.outcome == Ok(machine)).count();
    let returned =
        ended.iter().filter(|request| request.begun > times.to_be_started && request.outcome == Ok(1)).count();
    let longest = |from: Instant, to: Instant| {
        let during = ended.iter().filter(|request| request.begun + request.took >= from && request.begun <= to);
        during.map(|request| request.took).max().unwrap_or_default()
    };
    let end = ended.iter().map(|request| request.begun + request.took).max().unwrap();
    println!(
        "figures: {} requests through nginx, {} by machine 1 ({returned} of them after its return), {} by machine 2; \
         0 GETs failed, {} POSTs with 502, of which {unanswered} had begun to run, {refused} with 503; longest {:?} around the kill, \
         {:?} around the return",
        ended.len(),
        by(1),
        by(2),
        failed.len() - refused,
        longest(times.to_be_killed, times.dead),
        longest(times.to_be_started, end),
    );
}

fn each_machine_has_its_share(ended: &[Ended], times: &Times) {
    let before: Vec<_> = ended.iter().filter(|request| request.begun + request.took < times.to_be_killed).collect();
    for machine in [1, 2] {
        let share = before.iter().filter(|request| request.outcome == Ok(machine)).count();
        assert!(share * 4 > before.len(), "machine {machine} answered {share} of {} before the kill", before.len());
    }
    let without =
        ended.iter().filter(|request| request.begun > times.dead && request.begun + request.took < times.to_be_started);
    assert!(without.clone().count() > 0 && without.clone().all(|request| request.outcome == Ok(2)));
}

/// Nothing was answered that did not run, and no POST ran twice; how many ran whose client was told that they failed.
fn every_run_is_accounted_for(ended: &[Ended], ran: &[Vec<(String, usize)>; 2]) -> usize {
    let mut runs: HashMap<usize, Vec<usize>> = HashMap::new();
    let written = ran.iter().zip(1..).flat_map(|(ran, machine)| ran.iter().map(move |run| (machine, run)));
    for (machine, (method, number)) in written {
        assert_eq!(*method, super::load::method(*number).as_str());
        runs.entry(*number).or_default().push(machine);
    }
    let mut unanswered = 0;
    for request in ended {
        let machines = runs.remove(&request.number).unwrap_or_default();
        assert!(request.method == Method::GET || machines.len() <= 1, "ran on {machines:?}: {request:?}");
        match request.outcome {
            Ok(machine) => assert!(machines.contains(&machine), "ran on {machines:?}: {request:?}"),
            Err(_) => unanswered += machines.len(),
        }
    }
    assert!(runs.is_empty(), "nobody sent these: {runs:?}");
    unanswered
}
