//! A hub that sends one request at a time, or damages it, and looks closely at the answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::{CheckError, Options};
use crate::bus::{Access, Bus, Founding};
use crate::protocol::{
    BusName, Limits, OutgoingCall, Reply, ReplyError, RequestId, Route, Segments, SlotIndex, SlotMeta, Status, is_text,
};
use crate::slot::{DispatchError, DispatchedSlot, HubBus, Progress};

const SLOTS: usize = 32;
/// Bytes that go inline each way.
const INLINE: usize = 80 * 1024;

/// What a worker did wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{0}")]
    Skipped(&'static str),
    #[error("no slot came back: {0} of them are not FREE")]
    NoSlot(usize),
    #[error("the request could not be written: {0}")]
    NotSent(#[from] DispatchError),
    #[error("no answer within {patience:?}; the slot is {status}")]
    NoAnswer { patience: Duration, status: Status },
    #[error("the slot was given back without an answer: its word is {0}")]
    GivenBack(Status),
    #[error("the answer cannot be read: {0}")]
    Unreadable(#[from] ReplyError),
    #[error("the status is {0}, which no final answer has")]
    Status(u16),
    #[error("the content type {0:?} is no value of a header")]
    ContentType(String),
    #[error("HTTP forbids the header {0:?}")]
    Header(String),
    #[error("the header {0} stands in the meta beside the content type, and would be sent twice")]
    SecondContentType(HeaderName),
    #[error("DONE was stored and the response semaphore was not posted")]
    NoRing,
    #[error("{0}")]
    Other(String),
}

/// The bus, and how long its worker may take.
pub(super) struct Probe {
    pub(super) hub: HubBus,
    pub(super) echo: Option<String>,
    pub(super) patience: Duration,
}

/// A request that is under way.
pub(super) struct Sent {
    pub(super) index: SlotIndex,
    slot: DispatchedSlot,
}

/// An answer that HTTP can carry.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    /// The worker takes part in the extension: it has copied the ticket.
    pub(super) is_extended: bool,
}

/// A request to be sent.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) pattern: &'static str,
}

impl Ask {
    pub(super) fn get(target: &str) -> Self {
        let target = target.parse().expect("the checks write targets that are some");
        Self { method: Method::GET, target, headers: HeaderMap::new(), body: Bytes::new(), pattern: "" }
    }

    pub(super) fn post(target: &str, body: Vec<u8>) -> Self {
        Self { method: Method::POST, body: body.into(), ..Self::get(target) }
    }
}

impl Probe {
    /// Makes the bus and waits for its worker's first answer.
    pub(super) fn start(options: &Options) -> Result<Self, CheckError> {
        let Options { name, prefix, version, echo, patience, force } = options;
        let name = BusName::new(prefix, name)?;
        let is_path = |echo: &&String| echo.starts_with('/') && Uri::try_from(echo.as_str()).is_ok();
        if let Some(echo) = echo.as_ref().filter(|echo| !is_path(echo)) {
            return Err(CheckError::Echo(echo.clone()));
        }
        let founding = Founding {
            version: *version,
            slots: SLOTS,
            half: INLINE,
            ahead: true,
            force: *force,
            access: Access::default(),
        };
        let hub = HubBus::new(Bus::found(&name, &founding)?, Limits::from(16 << 20));
        let probe = Self { hub, echo: echo.clone(), patience: *patience };
        match probe.ask(&Ask::get("/")) {
            Err(Fault::NoAnswer { status: Status::Ready, .. }) => Err(CheckError::NoWorker(name, *version)),
            // Whatever else is wrong is for the checks to say.
            _ => Ok(probe),
        }
    }

    /// Sends a request and takes its answer.
    pub(super) fn ask(&self, ask: &Ask) -> Result<Answer, Fault> {
        self.answer(self.send(ask)?)
    }

    pub(super) fn send(&self, ask: &Ask) -> Result<Sent, Fault> {
        self.send_damaged(ask, |_| {})
    }

    /// Sends a request after `damage` has written over its fields.
    pub(super) fn send_damaged(&self, ask: &Ask, damage: impl FnOnce(SlotIndex)) -> Result<Sent, Fault> {
        let free = self.hub.slots().find_map(|index| Some((index, self.hub.reserve(index)?)));
        let (index, reserved) = free.ok_or_else(|| Fault::NoSlot(self.hub.slots().count()))?;
        let id = RequestId::from(uuid::Uuid::new_v4());
        let route = Route { pattern: ask.pattern.to_owned(), params: Vec::new() };
        let call = OutgoingCall::new(id, &ask.method, &ask.target, &route, &ask.headers, usize::MAX);
        let mut call = call.map_err(DispatchError::from)?;
        call.put_body(Segments::from(ask.body.clone()));
        let written = reserved.write(&call, 0)?;
        damage(index);
        Ok(Sent { index, slot: written.announce(0) })
    }

    /// Waits for an answer, checks it and frees its slot.
    pub(super) fn answer(&self, sent: Sent) -> Result<Answer, Fault> {
        let end = Instant::now() + self.patience;
        loop {
            match sent.slot.progress(&self.hub) {
                Progress::Finished => break,
                Progress::Abandoned => {
                    let status = self.hub.status(sent.index);
                    let _ = sent.slot.end(&self.hub);
                    return Err(Fault::GivenBack(status));
                }
                Progress::Waiting | Progress::Claimed(_) => {}
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let status = self.hub.status(sent.index);
                // A claimed one stays taken: nobody may use a slot whose worker may still write.
                let _ = sent.slot.withdraw(&self.hub);
                return Err(Fault::NoAnswer { patience: self.patience, status });
            }
            // A ring says only that it is time to look, and may be another answer's.
            self.hub.bus().responses().wait(left.min(Duration::from_millis(20)));
        }
        let is_extended = self.slot(sent.index).resp_ticket.get() != 0;
        let finished = sent.slot.finished(&self.hub);
        let answer = finished.read(None).map_err(Fault::from).and_then(|reply| checked(&reply, is_extended));
        let _ = finished.free();
        answer
    }

    /// Takes a request back; whether no worker had claimed it.
    pub(super) fn withdraw(&self, sent: &Sent) -> bool {
        sent.slot.withdraw(&self.hub)
    }

    pub(super) fn slot(&self, index: SlotIndex) -> &SlotMeta {
        self.hub.bus().region().slot(index)
    }

    /// Looks, without waiting on the bell, until there is something.
    pub(super) fn look_for<T>(&self, look: impl Fn() -> Option<T>) -> Option<T> {
        let end = Instant::now() + self.patience;
        loop {
            let found = look();
            if found.is_some() || Instant::now() >= end {
                return found;
            }
            std::hint::spin_loop();
        }
    }
}

/// Holds an answer against HTTP.
fn checked(reply: &Reply, is_extended: bool) -> Result<Answer, Fault> {
    let status = StatusCode::from_u16(reply.status).ok().filter(|status| !status.is_informational());
    let status = status.ok_or(Fault::Status(reply.status))?;
    let (content_type, mut headers) = reply.head()?;
    if HeaderValue::from_bytes(content_type).is_err() || !is_text(content_type) {
        return Err(Fault::ContentType(String::from_utf8_lossy(content_type).into_owned()));
    }
    while let Some((name, value)) = headers.next().map_err(ReplyError::Meta)? {
        check_header(name, value)?;
    }
    Ok(Answer { status, body: reply.body.clone(), is_extended })
}

/// Refuses a header that should not be there.
fn check_header(name: &[u8], value: &[u8]) -> Result<(), Fault> {
    match (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        (Ok(name), Ok(_)) if name == http::header::CONTENT_TYPE => Err(Fault::SecondContentType(name)),
        (Ok(_), Ok(_)) if is_text(value) => Ok(()),
        _ => Err(Fault::Header(String::from_utf8_lossy(name).into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn values_that_hubs_refuse_are_faults() {
        let fault = |meta: &'static [u8]| {
            let reply = Reply { status: 200, meta: Bytes::from_static(meta), body: Bytes::new() };
            checked(&reply, true).err().map(|fault| fault.to_string())
        };
        assert_eq!(fault(b"\x03a/b\x01\x01x\x01y"), None);
        let type_fault = fault(b"\x03a/\xff\0").unwrap();
        assert_eq!(type_fault, "the content type \"a/\u{fffd}\" is no value of a header");
        assert_eq!(fault(b"\0\x01\x01x\x01\xff").unwrap(), "HTTP forbids the header \"x\"");
    }
}
