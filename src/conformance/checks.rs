//! The rules, and how a worker is asked about each.

use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::probe::{Ask, Fault, Probe, Sent};
use crate::protocol::{Claim, SlotIndex, Status};

type Check = fn(&Probe) -> Result<(), Fault>;

/// A worker does all of this.
pub(super) const ALL: &[(&str, Check)] = &[
    ("answers a request", |probe| probe.ask(&Ask::get("/")).map(drop)),
    ("answers each method", methods),
    ("answers long paths, queries and many headers", long_heads),
    ("posts the response semaphore for an answer", ring),
    ("answers the hub's ping with 200", ping),
    ("claims by the word 2, or by 2 and its token above", claim_word),
    ("answers requests in every slot at once", all_slots),
    ("answers a thousand requests, one after another", thousand),
    ("reads a body of 64 KiB", |probe| probe.ask(&Ask::post("/", vec![b'x'; 64 << 10])).map(drop)),
    ("reads a body from an overflow object", |probe| probe.ask(&Ask::post("/", vec![b'x'; 1 << 20])).map(drop)),
    ("repeats bodies byte by byte, inline and by overflow object", echo),
    ("answers a request whose meta makes no sense with an error", |probe| {
        damaged(probe, "a meta of 0xff", |probe, index| {
            let range = probe.slot(index).request.read(probe.hub.bus().region().geometry());
            if let Ok(range) = range {
                let _ = probe.hub.bus().region().writer(range.meta).write(&vec![0xff; range.meta.len()]);
            }
        })
    }),
    ("answers a request whose meta lies outside of the heap with an error", |probe| {
        damaged(probe, "a meta at 4294967288", |probe, index| probe.slot(index).request.meta_offset.set(u32::MAX - 7))
    }),
    ("answers a request whose body lies outside of the heap with an error", |probe| {
        damaged(probe, "a body at 4294967288", |probe, index| {
            probe.slot(index).request.body_offset.set(u32::MAX - 7);
            probe.slot(index).request.body_len.set(4096);
        })
    }),
    ("answers a request whose overflow object is missing with an error", |probe| {
        damaged(probe, "a body in an object that is not there", |probe, index| {
            probe.slot(index).request.body_len.set(1 << 20);
            probe.slot(index).request.body_overflow.set(200);
        })
    }),
    ("leaves requests alone that were taken back", withdrawn),
    ("leaves the header and other slots alone", others),
    ("still answers after all of this", |probe| probe.ask(&Ask::get("/")).map(drop)),
];

fn methods(probe: &Probe) -> Result<(), Fault> {
    let methods =
        [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD, Method::OPTIONS];
    for method in methods {
        let ask = Ask { method: method.clone(), ..Ask::get("/") };
        probe.ask(&ask).map_err(|fault| Fault::Other(format!("{method}: {fault}")))?;
    }
    Ok(())
}

fn long_heads(probe: &Probe) -> Result<(), Fault> {
    let mut ask = Ask::get(&format!("/{}?{}", "segment/".repeat(100), "key=value&".repeat(100)));
    for i in 0..100 {
        let name = HeaderName::try_from(format!("x-number-{i}")).expect("it is one");
        ask.headers.append(name, HeaderValue::from_static("the value of a header that is as long as they are"));
    }
    // A name may come twice.
    ask.headers.append("x-number-0", HeaderValue::from_static("again"));
    probe.ask(&ask).map(drop)
}

fn ring(probe: &Probe) -> Result<(), Fault> {
    let bell = probe.hub.bus().responses();
    bell.take_all();
    let sent = probe.send(&Ask::get("/"))?;
    let done = probe.look_for(|| (probe.hub.status(sent.index) == Status::Done).then_some(()));
    let rang = done.is_some() && bell.wait(probe.patience);
    probe.answer(sent)?;
    if rang { Ok(()) } else { Err(Fault::NoRing) }
}

fn ping(probe: &Probe) -> Result<(), Fault> {
    let answer = probe.ask(&Ask { pattern: "/__ping__", ..Ask::get("/__ping__") })?;
    match answer.status {
        StatusCode::OK => Ok(()),
        _ if answer.is_extended => Err(Fault::Skipped("it proves its life by a lock, and is not pinged")),
        status => Err(Fault::Other(format!("the ping was answered {status}"))),
    }
}

fn claim_word(probe: &Probe) -> Result<(), Fault> {
    let mut seen = 0;
    for _ in 0..1000 {
        let sent = probe.send(&Ask::get("/"))?;
        let word = probe.look_for(|| Some(probe.hub.status(sent.index)).filter(|&word| word != Status::Ready));
        let word = word.unwrap_or(Status::Ready);
        seen += u32::from(matches!(word, Status::Claimed(_)));
        probe.answer(sent)?;
        match word {
            Status::Claimed(claim) if claim.owner().is_none() && claim != Claim::by(None) => {
                return Err(Fault::Other("a claim carries an owner of zero".to_owned()));
            }
            Status::Claimed(_) | Status::Done | Status::Ready => {}
            word => return Err(Fault::Other(format!("a claimed slot was {word}"))),
        }
    }
    if seen == 0 { Err(Fault::Skipped("each of 1000 answers was there before its claim was seen")) } else { Ok(()) }
}

fn all_slots(probe: &Probe) -> Result<(), Fault> {
    // Each with a body of its own, where the worker repeats it.
    let ask = |round: usize, i: usize| match &probe.echo {
        Some(path) => Ask::post(path, format!("{round} {i}").into_bytes()),
        None => Ask::get("/"),
    };
    for round in 0..10 {
        // What an earlier check left taken is its own failure.
        let free = probe.hub.slots().filter(|&slot| probe.hub.status(slot) == Status::Free).count();
        if free == 0 {
            return Err(Fault::Skipped("no slot has come back"));
        }
        let sent: Vec<Sent> = (0..free).map(|i| probe.send(&ask(round, i))).collect::<Result<_, _>>()?;
        let own = |(i, sent)| match probe.answer(sent) {
            Ok(answer) if probe.echo.is_some() && answer.body != ask(round, i).body => {
                Err(Fault::Other("a slot has the answer of another, or none of its own".to_owned()))
            }
            answer => answer,
        };
        let answers: Vec<_> = sent.into_iter().enumerate().map(own).collect();
        let failed = answers.iter().filter(|answer| answer.is_err()).count();
        if let Some(fault) = answers.into_iter().find_map(Result::err) {
            return Err(Fault::Other(format!("round {round}: {failed} of {free}: {fault}")));
        }
    }
    Ok(())
}

fn thousand(probe: &Probe) -> Result<(), Fault> {
    for i in 0..1000 {
        probe.ask(&Ask::get("/")).map_err(|fault| Fault::Other(format!("request {i}: {fault}")))?;
    }
    Ok(())
}

fn echo(probe: &Probe) -> Result<(), Fault> {
    let Some(path) = &probe.echo else {
        return Err(Fault::Skipped("no route that repeats bodies was named"));
    };
    for len in [0, 1, 7, 8, 1000, 4096, 64 << 10, 100_000, 1 << 20, (1 << 20) + 1, 10_000] {
        let body: Vec<u8> = (0..len).map(|i: usize| (i.wrapping_mul(31) >> 3) as u8).collect();
        let answer = probe.ask(&Ask::post(path, body.clone()));
        let answer = answer.map_err(|fault| Fault::Other(format!("{len} bytes: {fault}")))?;
        if answer.body != body {
            let at = answer.body.iter().zip(&body).position(|(got, sent)| got != sent);
            let (got, status) = (answer.body.len(), answer.status);
            return Err(Fault::Other(format!(
                "{len} bytes came back as {got} with {status}, first differing at {at:?}"
            )));
        }
    }
    Ok(())
}

/// A damaged request is answered with an error, and nobody is the worse for it.
fn damaged(probe: &Probe, what: &str, damage: fn(&Probe, SlotIndex)) -> Result<(), Fault> {
    let sent = probe.send_damaged(&Ask::post("/", vec![b'x'; 100]), |index| damage(probe, index))?;
    let answer = probe.answer(sent)?;
    if !answer.status.is_client_error() && !answer.status.is_server_error() {
        return Err(Fault::Other(format!("{what} was answered {}", answer.status)));
    }
    Ok(())
}

fn withdrawn(probe: &Probe) -> Result<(), Fault> {
    let mut taken_back = 0;
    for i in 0..1000 {
        let sent = probe.send(&Ask::get("/"))?;
        if !probe.withdraw(&sent) {
            probe.answer(sent)?;
            continue;
        }
        taken_back += 1;
        // What a worker writes without having claimed shows in the next request's slot.
        probe.ask(&Ask::get("/")).map_err(|fault| Fault::Other(format!("after {i} requests: {fault}")))?;
    }
    if taken_back == 0 {
        Err(Fault::Skipped("each of 1000 requests was claimed before it was taken back"))
    } else {
        Ok(())
    }
}

fn others(probe: &Probe) -> Result<(), Fault> {
    let last = probe.hub.slots().next_back().expect("a region has slots");
    let Some(kept) = probe.hub.reserve(last) else {
        return Err(Fault::Skipped("the last slot did not come back"));
    };
    let fields = |probe: &Probe| {
        let (header, slot) = (probe.hub.bus().region().header(), probe.slot(last));
        let header = (header.magic.read(), header.version.get(), header.num_slots.get(), header.heap_offset.get());
        (header, slot.status.raw(), slot.req_id.get(), slot.resp_status.get(), slot.response.meta_offset.get())
    };
    let before = fields(probe);
    for len in [0, 1000, 1 << 20] {
        probe.ask(&Ask::post("/", vec![b'x'; len]))?;
    }
    let after = fields(probe);
    drop(kept);
    if before == after {
        Ok(())
    } else {
        Err(Fault::Other("the header, or a slot with no request in it, was written".to_owned()))
    }
}
