//! What is sent, and how many at a time.

use std::fmt;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

/// The headers of every request.
pub(crate) const HEADERS: [(&str, &str); 5] = [
    ("host", "localhost:3000"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"),
    ("accept", "application/json, text/plain, */*"),
    ("accept-encoding", "gzip, deflate, br"),
    ("authorization", "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"),
];

/// What a GET is answered.
pub(crate) const HELLO: &str = "Hello, World!";

/// What a peer without paths and headers sends in place of the GET's.
pub(crate) const GET_LEN: usize = 200;

/// One request and what it is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Load {
    /// No body, five headers, answered with 13 bytes.
    Get,
    /// A body of so many bytes, sent back.
    Echo(usize),
}

/// When the next request is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pace {
    /// As soon as one of so many is answered.
    InFlight(usize),
    /// One each millisecond, so that both sides sleep in between.
    Parked,
    /// Never, after a warm-up.
    Idle,
}

/// One row of figures for each pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(crate) load: Load,
    pub(crate) pace: Pace,
}

/// Every cell, in the order of the tables.
pub(crate) fn cells() -> Vec<Cell> {
    let loads = [Load::Get, Load::Echo(1 << 10), Load::Echo(64 << 10), Load::Echo(1 << 20)];
    let closed = loads.into_iter().flat_map(|load| [1, 8, 32].map(|n| Cell { load, pace: Pace::InFlight(n) }));
    closed.chain([Pace::Parked, Pace::Idle].map(|pace| Cell { load: Load::Get, pace })).collect()
}

impl Load {
    /// Body of the request, in bytes.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Get => 0,
            Self::Echo(len) => len,
        }
    }

    /// Body of the answer, in bytes.
    pub(crate) fn answer_len(self) -> usize {
        match self {
            Self::Get => HELLO.len(),
            Self::Echo(len) => len,
        }
    }

    /// The request, to be cloned for each call.
    pub(crate) fn request(self) -> Request<Full<Bytes>> {
        let request = match self {
            Self::Get => Request::get("/hello").body(Full::default()),
            Self::Echo(len) => Request::post("/echo").body(Full::from(vec![7; len])),
        };
        let mut request = request.expect("a request of constants");
        for (name, value) in HEADERS {
            request.headers_mut().append(name, value.parse().expect("a header of constants"));
        }
        request
    }
}

impl Pace {
    /// How many are in flight at once, at most.
    pub(crate) fn in_flight(self) -> usize {
        match self {
            Self::InFlight(n) => n,
            Self::Parked | Self::Idle => 1,
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get => f.write_str("GET"),
            Self::Echo(len) if *len >= 1 << 20 => write!(f, "echo {} MiB", len >> 20),
            Self::Echo(len) => write!(f, "echo {} KiB", len >> 10),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { load, pace } = self;
        match pace {
            Pace::InFlight(n) => write!(f, "{load}, {n} in flight"),
            Pace::Parked => write!(f, "parked: {load} each millisecond"),
            Pace::Idle => write!(f, "idle: after {load}"),
        }
    }
}
