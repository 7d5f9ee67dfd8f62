//! The generator: the request of a number, right or broken.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri};

use crate::both::{Case, case};
use crate::dice::Dice;
use crate::words;

/// A route as the generator knows it.
pub(crate) struct Kind {
    pub(crate) method: Method,
    /// The path, its parameters as the names of the words that fit: `{number}`.
    pub(crate) path: &'static str,
    /// What it reads besides.
    pub(crate) reads: Reads,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Reads {
    Nothing,
    Query,
    Form,
    Json,
    Bytes,
    /// This header.
    Header(&'static str),
}

const fn kind(method: Method, path: &'static str, reads: Reads) -> Kind {
    Kind { method, path, reads }
}

/// Every route, and some that are none.
pub(crate) const KINDS: &[Kind] = &[
    kind(Method::GET, "/", Reads::Nothing),
    kind(Method::GET, "/items/{number}", Reads::Nothing),
    kind(Method::GET, "/items/special", Reads::Nothing),
    kind(Method::GET, "/pairs/{text}/{number}", Reads::Nothing),
    kind(Method::GET, "/names/{text}/{text}", Reads::Nothing),
    kind(Method::GET, "/files/{text}/{text}", Reads::Nothing),
    kind(Method::GET, "/colours/{colour}", Reads::Nothing),
    kind(Method::GET, "/flags/{flag}", Reads::Nothing),
    kind(Method::GET, "/ids/{id}", Reads::Nothing),
    kind(Method::GET, "/all/{text}/{text}/x/{text}", Reads::Nothing),
    kind(Method::GET, "/map/{text}", Reads::Nothing),
    kind(Method::GET, "/matched/{text}/{number}", Reads::Nothing),
    kind(Method::GET, "/result/{number}", Reads::Nothing),
    kind(Method::GET, "/pages", Reads::Query),
    kind(Method::GET, "/maybe", Reads::Query),
    kind(Method::GET, "/tags", Reads::Query),
    kind(Method::GET, "/query", Reads::Query),
    kind(Method::GET, "/raw-query", Reads::Query),
    kind(Method::GET, "/form", Reads::Query),
    kind(Method::POST, "/form", Reads::Form),
    kind(Method::POST, "/json", Reads::Json),
    kind(Method::POST, "/json/maybe", Reads::Json),
    kind(Method::POST, "/json/small", Reads::Json),
    kind(Method::POST, "/json/result", Reads::Json),
    kind(Method::POST, "/bytes", Reads::Bytes),
    kind(Method::PUT, "/bytes", Reads::Bytes),
    kind(Method::POST, "/text", Reads::Bytes),
    kind(Method::PATCH, "/raw", Reads::Bytes),
    kind(Method::POST, "/limited", Reads::Bytes),
    kind(Method::POST, "/echo", Reads::Bytes),
    kind(Method::OPTIONS, "/echo", Reads::Query),
    kind(Method::GET, "/things/{text}", Reads::Nothing),
    kind(Method::PUT, "/things/{text}", Reads::Nothing),
    kind(Method::DELETE, "/things/{text}", Reads::Nothing),
    kind(Method::GET, "/state", Reads::Nothing),
    kind(Method::GET, "/substate", Reads::Nothing),
    kind(Method::GET, "/extension", Reads::Nothing),
    kind(Method::GET, "/missing-extension", Reads::Nothing),
    kind(Method::GET, "/agent", Reads::Header("user-agent")),
    kind(Method::GET, "/range", Reads::Header("range")),
    kind(Method::GET, "/login", Reads::Header("authorization")),
    kind(Method::GET, "/cookies", Reads::Header("cookie")),
    kind(Method::POST, "/go/see-other", Reads::Nothing),
    kind(Method::GET, "/go/temporary", Reads::Nothing),
    kind(Method::GET, "/go/permanent", Reads::Nothing),
    kind(Method::GET, "/go/by-hand", Reads::Nothing),
    kind(Method::GET, "/tuple", Reads::Nothing),
    kind(Method::GET, "/html", Reads::Nothing),
    kind(Method::DELETE, "/nothing", Reads::Nothing),
    kind(Method::GET, "/nothing", Reads::Nothing),
    kind(Method::GET, "/nothing/with-headers", Reads::Nothing),
    kind(Method::GET, "/nothing/with-body", Reads::Nothing),
    kind(Method::GET, "/etag", Reads::Header("if-none-match")),
    kind(Method::GET, "/status/{status}", Reads::Nothing),
    kind(Method::GET, "/stream/{number}", Reads::Nothing),
    kind(Method::GET, "/large/{length}", Reads::Nothing),
    kind(Method::GET, "/set-cookies", Reads::Nothing),
    kind(Method::GET, "/hops", Reads::Nothing),
    kind(Method::GET, "/two-types", Reads::Nothing),
    kind(Method::HEAD, "/heads", Reads::Nothing),
    kind(Method::GET, "/heads", Reads::Nothing),
    kind(Method::OPTIONS, "/choices", Reads::Nothing),
    kind(Method::GET, "/zip/prose", Reads::Header("accept-encoding")),
    kind(Method::GET, "/zip/short", Reads::Header("accept-encoding")),
    kind(Method::GET, "/zip/noise", Reads::Header("accept-encoding")),
    kind(Method::GET, "/timed/now", Reads::Nothing),
    kind(Method::GET, "/timed/never", Reads::Nothing),
    kind(Method::GET, "/stamped", Reads::Nothing),
    kind(Method::GET, "/shared", Reads::Header("origin")),
    kind(Method::OPTIONS, "/shared", Reads::Header("access-control-request-method")),
    kind(Method::GET, "/api", Reads::Nothing),
    kind(Method::GET, "/api/users/{number}", Reads::Nothing),
    kind(Method::POST, "/api/users/{number}", Reads::Nothing),
    kind(Method::GET, "/api/where", Reads::Query),
    kind(Method::GET, "/api/rest/{text}/{number}", Reads::Nothing),
    kind(Method::GET, "/admin", Reads::Nothing),
    kind(Method::GET, "/admin/users/{number}", Reads::Nothing),
    kind(Method::GET, "/admin/", Reads::Nothing),
    kind(Method::GET, "/admin/{text}", Reads::Nothing),
    kind(Method::GET, "/tenants/{text}", Reads::Nothing),
    kind(Method::GET, "/tenants/{text}/rooms/{number}", Reads::Nothing),
];

/// Those that no request is answered well by.
pub(crate) const NEVER_WELL: [&str; 4] = ["/missing-extension", "/timed/never", "/admin/", "/admin/{text}"];

/// What is asked of the route that `number` falls on.
pub(crate) fn request(seed: u64, number: u64) -> (&'static Kind, Case) {
    let mut dice = Dice::new(seed, number);
    let dice = &mut dice;
    let kind = &KINDS[dice.below(KINDS.len())];
    loop {
        let broken = dice.once_in(3);
        let mut case = case(kind.method.clone(), &target(dice, kind, broken), "");
        read(dice, kind.reads, &mut case, broken);
        strew(dice, &mut case, broken);
        if dice.once_in(500) {
            case.target = "*".to_owned();
        }
        if case.target.parse::<Uri>().is_ok_and(|uri| uri.authority().is_none()) {
            return (kind, case);
        }
    }
}

fn target(dice: &mut Dice, kind: &Kind, broken: bool) -> String {
    let mut path = String::new();
    for (i, segment) in kind.path.split('/').enumerate() {
        if i > 0 {
            path.push('/');
        }
        match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
            Some(name) => path.push_str(&words::parameter(dice, name, broken)),
            None => path.push_str(segment),
        }
    }
    if broken && dice.once_in(3) {
        words::bend(dice, &mut path);
    }
    if kind.reads == Reads::Query || dice.once_in(20) {
        path.push_str(&words::query(dice, broken));
    }
    path
}

/// Adds what the route reads.
fn read(dice: &mut Dice, reads: Reads, case: &mut Case, broken: bool) {
    let content_type = |dice: &mut Dice, right: &str| {
        if broken && dice.once_in(2) { words::content_type(dice).to_owned() } else { right.to_owned() }
    };
    let mut typed = String::new();
    match reads {
        Reads::Nothing | Reads::Query => {}
        Reads::Form => {
            typed = content_type(dice, "application/x-www-form-urlencoded");
            case.body = words::form(dice, broken).into();
        }
        Reads::Json => {
            typed = content_type(dice, "application/json");
            case.body = words::json(dice, broken);
        }
        Reads::Bytes => {
            typed = content_type(dice, "application/octet-stream");
            case.body = words::bytes(dice);
        }
        Reads::Header(name) => {
            let times = if broken { dice.below(4) } else { 1 };
            for _ in 0..times {
                add(case, name, &words::value(dice, name, broken));
            }
        }
    }
    if !typed.is_empty() {
        add(case, "content-type", &typed);
    }
}

/// Changes what has nothing to do with the route, or should not have.
fn strew(dice: &mut Dice, case: &mut Case, broken: bool) {
    const METHODS: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if dice.once_in(if broken { 4 } else { 40 }) {
        case.method = METHODS[dice.below(METHODS.len())].clone();
    } else if case.method == Method::GET && dice.once_in(8) {
        case.method = Method::HEAD;
    }
    if dice.once_in(3) {
        for _ in 0..=dice.below(4) {
            let name = dice.pick(words::HEADERS);
            add(case, name, &words::value(dice, name, broken));
        }
    }
    if broken && dice.once_in(10) {
        case.body = words::bytes(dice);
    }
    if broken && dice.once_in(12) {
        case.headers.retain(|(name, _)| name != "content-type");
    }
    if broken {
        // A server that does not read a body closes the connection, and much of one that is still on its way resets it: then
        // the answer is lost.
        case.body.truncate(10_000);
    }
    // A client of HTTP/1 sends no body of unknown length with these.
    let may_stream = !matches!(case.method, Method::GET | Method::HEAD);
    case.streamed = may_stream && !case.body.is_empty() && dice.once_in(5);
}

fn add(case: &mut Case, name: &'static str, value: &str) {
    let value = HeaderValue::from_maybe_shared(Bytes::copy_from_slice(value.as_bytes())).expect("words are values");
    case.headers.push((HeaderName::from_static(name), value));
}
