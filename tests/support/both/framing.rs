//! How HTTP/1 frames a message, which a bus has no need for.

use bytes::Bytes;
use http::{Method, StatusCode};

use super::{Answer, Case, Difference};

/// What any two answers may differ in.
pub(crate) const FRAMING: [Difference; 3] = [
    Difference { name: "date", settle: date },
    Difference { name: "hop_by_hop", settle: hop_by_hop },
    Difference { name: "content_length", settle: content_length },
];

/// A server of HTTP/1 says when it answered.
fn date(_: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    !ours.headers.contains_key("date") && theirs.headers.remove("date").is_some_and(|values| values.len() == 1)
}

/// What speaks of one connection stays on it.
fn hop_by_hop(_: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let names = ["connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade"];
    let gone: Vec<_> = names.into_iter().filter(|name| !ours.headers.contains_key(*name)).collect();
    gone.into_iter().filter(|name| theirs.headers.remove(*name).is_some()).count() > 0
}

/// A length is told where the service tells it, and must then be that of the body; HTTP/1 tells it where it does not, and not
/// where it sends a body in chunks.
fn content_length(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let bodiless = case.method == Method::HEAD || ours.status == StatusCode::NOT_MODIFIED;
    let tells_its_own = |answer: &Answer| {
        bodiless || answer.header("content-length") == Some(answer.body.len().to_string().as_str())
    };
    let told = |answer: &Answer| answer.headers.get("content-length").map(Vec::len).unwrap_or_default();
    let (more, less): (&mut Answer, &Answer) = if told(ours) > 0 { (ours, theirs) } else { (theirs, ours) };
    let settled = told(more) == 1 && told(less) == 0 && tells_its_own(more);
    if settled {
        more.headers.remove("content-length");
    }
    settled
}

/// Whether a header is there with this value alone.
pub(crate) fn only(answer: &Answer, name: &str, value: &'static str) -> bool {
    answer.headers.get(name).is_some_and(|values| *values == [Bytes::from_static(value.as_bytes())])
}
