//! How HTTP/1 frames a message, which a bus has no need for.

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
/// where it sends a body in chunks. Where no body is sent it may be anything: axum tells one for a 204, and 0 for the HEAD of
/// a stream.
fn content_length(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let bodiless =
        case.method == Method::HEAD || matches!(ours.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let right = |answer: &Answer| match answer.headers.get("content-length").map(Vec::as_slice) {
        None => true,
        Some([length]) => bodiless || **length == *answer.body.len().to_string().as_bytes(),
        Some(_) => false,
    };
    let unlike = ours.headers.get("content-length") != theirs.headers.get("content-length");
    let settled = unlike && right(ours) && right(theirs);
    if settled {
        for answer in [ours, theirs] {
            answer.headers.remove("content-length");
        }
    }
    settled
}
