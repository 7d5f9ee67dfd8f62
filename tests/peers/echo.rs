//! One request, the answer it must get, and whether it got it.

use std::sync::LazyLock;

use bytes::Bytes;

pub(crate) const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
const CONTENT_TYPE: &str = "application/x-echo";
/// A request to this path is answered when one to [`UNPIN`] has come.
pub(crate) const PIN: &str = "/pin";
pub(crate) const UNPIN: &str = "/unpin";
/// Longest body, in bytes.
const LONGEST: usize = 1 << 20;

pub(crate) type Headers = Vec<(String, String)>;

/// A request. Everything in it follows from its number, and everything in its answer from it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    nonce: u64,
    answer_len: usize,
}

/// An answer, in what both kinds of hubs have in common.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
}

impl Ask {
    /// The request of `number`, with a body of `body_len` bytes and an answer of `answer_len`.
    pub(crate) fn new(number: u64, body_len: usize, answer_len: usize) -> Self {
        let nonce = mix(number);
        let body = body(nonce, body_len);
        let mut headers = vec![
            ("host".to_owned(), "peers.test".to_owned()),
            ("user-agent".to_owned(), "a driver that says at length who it is, as browsers do".to_owned()),
            ("accept".to_owned(), "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8".to_owned()),
            ("x-nonce".to_owned(), format!("{nonce:016x}")),
            ("x-body-len".to_owned(), body_len.to_string()),
            ("x-answer-len".to_owned(), answer_len.to_string()),
        ];
        if number % 8 == 3 {
            // 40 headers of 10 names, each four times.
            headers.extend((0..40).map(|i| (format!("x-many-{}", i % 10), format!("{:016x}", mix(nonce ^ i)))));
        }
        let query = (!number.is_multiple_of(3)).then(|| format!("n={number}&text=a%20b&empty="));
        let method = METHODS[(number % 7) as usize];
        Self { method, path: format!("/echo/{nonce:016x}/%C3%A4"), query, headers, body, nonce, answer_len }
    }

    /// Whether `answer` is this request's; else what is wrong with it.
    ///
    /// A worker that keeps headers in a map knows only the last of each name: then `collapsed` says so.
    pub(crate) fn check(&self, answer: &Answer, collapsed: bool) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what} of {} {}", self.method, self.path));
        if answer.status != 200 {
            let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(200)]);
            return wrong(&format!("status {} ({text:?})", answer.status));
        }
        if answer.content_type != CONTENT_TYPE {
            return wrong(&format!("content type {:?}", answer.content_type));
        }
        let sent = if collapsed { collapse(&self.headers) } else { self.headers.clone() };
        let expected = answer_headers(self.method, &self.path, self.query.as_deref(), &sent, true);
        let (got, expected) = (by_name(answer.headers.clone()), by_name(expected));
        if got != expected {
            return wrong(&format!("headers {got:?} instead of {expected:?}"));
        }
        let body_len = if self.method == "HEAD" { 0 } else { self.answer_len };
        if answer.body != body(!self.nonce, body_len) {
            let start = &answer.body[..answer.body.len().min(16)];
            return wrong(&format!(
                "body of {} bytes, starting with {start:02x?}, instead of {body_len}",
                answer.body.len()
            ));
        }
        Ok(())
    }
}

/// Answers a request as any worker of these trials does.
pub(crate) fn answer(
    method: &str,
    path: &str,
    query: Option<&str>,
    headers: &[(String, String)],
    body: &[u8],
) -> Answer {
    let value = |name: &str| headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
    let nonce = u64::from_str_radix(value("x-nonce"), 16).unwrap_or_default();
    let is_intact = value("x-body-len").parse().is_ok_and(|len| len <= LONGEST && *body == self::body(nonce, len));
    let len = if method == "HEAD" { 0 } else { value("x-answer-len").parse().unwrap_or_default() };
    Answer {
        status: 200,
        content_type: CONTENT_TYPE.to_owned(),
        headers: answer_headers(method, path, query, headers, is_intact),
        body: self::body(!nonce, len),
    }
}

/// What was received, in headers. Shorter than the request's own, so that it always fits over them.
fn answer_headers(
    method: &str,
    path: &str,
    query: Option<&str>,
    headers: &[(String, String)],
    body_is_intact: bool,
) -> Headers {
    let mut echoed: Headers = vec![
        ("x-method".to_owned(), method.to_owned()),
        ("x-path".to_owned(), path.to_owned()),
        ("x-query".to_owned(), format!("{query:?}").replace('"', "'")),
        ("x-body".to_owned(), if body_is_intact { "intact" } else { "broken" }.to_owned()),
    ];
    let is_echoed =
        |name: &str| ["x-nonce", "x-body-len", "x-answer-len"].contains(&name) || name.starts_with("x-many-");
    echoed.extend(headers.iter().filter(|(name, _)| is_echoed(name)).cloned());
    echoed
}

/// Our own headers, sorted by name; those of one name stay in order.
fn by_name(mut headers: Headers) -> Headers {
    headers.retain(|(name, _)| name.starts_with("x-"));
    headers.sort_by(|a, b| a.0.cmp(&b.0));
    headers
}

/// What is left of headers in a map: the last of each name.
fn collapse(headers: &Headers) -> Headers {
    let is_last = |i: usize| !headers[i + 1..].iter().any(|(name, _)| *name == headers[i].0);
    (0..headers.len()).filter(|&i| is_last(i)).map(|i| headers[i].clone()).collect()
}

/// `len` bytes that only `nonce` has.
fn body(nonce: u64, len: usize) -> Bytes {
    static RANDOM: LazyLock<Bytes> =
        LazyLock::new(|| (0..2 * LONGEST as u64 / 8).flat_map(|i| mix(i).to_le_bytes()).collect::<Vec<u8>>().into());
    // Neighbouring nonces are far apart.
    let start = (mix(nonce) % LONGEST as u64) as usize;
    RANDOM.slice(start..start + len)
}

/// Splitmix64: a bijection, so different numbers give different nonces.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
