//! The differences that are allowed, one function for each, named as in `docs/differences.md`.

use http::{Method, StatusCode};

use crate::both::framing::FRAMING;
use crate::both::{Answer, Case, Difference};

/// All that may differ, in the order in which it is settled.
pub(crate) fn allowed() -> impl Iterator<Item = &'static Difference> {
    FRAMING.iter().chain(&CHOICES)
}

/// What this crate does in its own way.
const CHOICES: [Difference; 13] = [
    Difference { name: "problems_pass_through_layers", settle: problems_pass_through_layers },
    Difference { name: "broken_escapes_are_refused", settle: broken_escapes_are_refused },
    Difference { name: "media_types_are_those_of_http", settle: media_types_are_those_of_http },
    Difference { name: "an_empty_value_is_no_number", settle: an_empty_value_is_no_number },
    Difference { name: "on_is_true", settle: on_is_true },
    Difference { name: "a_repeated_key_is_no_text", settle: a_repeated_key_is_no_text },
    Difference { name: "no_parameter_is_empty", settle: no_parameter_is_empty },
    Difference {
        name: "a_fallback_answers_its_prefix_with_a_slash",
        settle: a_fallback_answers_its_prefix_with_a_slash,
    },
    Difference { name: "refusals_are_problems", settle: refusals_are_problems },
    Difference { name: "allow_is_a_set", settle: allow_is_a_set },
    Difference { name: "allow_goes_with_405", settle: allow_goes_with_405 },
    Difference { name: "one_content_type", settle: one_content_type },
    Difference { name: "a_form_of_head_is_in_its_query", settle: a_form_of_head_is_in_its_query },
];

/// Makes both bodies, and what describes them, those of `theirs`.
fn take_body(ours: &mut Answer, theirs: &Answer) {
    ours.body = theirs.body.clone();
    for name in ["content-type", "content-length"] {
        match theirs.headers.get(name) {
            Some(values) => drop(ours.headers.insert(name.to_owned(), values.clone())),
            None => drop(ours.headers.remove(name)),
        }
    }
}

/// What the framework refuses is a problem here, and plain text or nothing there.
fn refusals_are_problems(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let plain = match theirs.header("content-type") {
        None => theirs.body.is_empty() && !theirs.headers.contains_key("content-type"),
        Some(kind) => kind == "text/plain; charset=utf-8",
    };
    let settled = ours.status == theirs.status && plain && is_problem(case, ours);
    if settled {
        take_body(ours, theirs);
    }
    settled
}

/// Whether the answer is a problem that tells its own status, or the head of one.
fn is_problem(case: &Case, answer: &Answer) -> bool {
    let status = serde_json::from_slice::<serde_json::Value>(&answer.body).ok().and_then(|p| p["status"].as_u64());
    answer.header("content-type") == Some("application/problem+json")
        && (status == Some(answer.status.as_u16().into()) || case.method == Method::HEAD && answer.body.is_empty())
}

/// `Allow` names the same methods, in an order of its own and with a space behind each comma.
fn allow_is_a_set(_: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let set = |answer: &Answer| {
        let mut names: Vec<_> = answer.header("allow")?.split(',').map(|name| name.trim().to_owned()).collect();
        names.sort();
        Some(names)
    };
    let settled = set(ours).is_some() && set(ours) == set(theirs) && ours.headers["allow"] != theirs.headers["allow"];
    if settled {
        ours.headers.insert("allow".to_owned(), theirs.headers["allow"].clone());
    }
    settled
}

/// Another answer than a 405, as one that a layer for CORS gives to a preflight, is not told what is allowed.
fn allow_goes_with_405(_: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let settled = ours.status == theirs.status
        && ours.status != StatusCode::METHOD_NOT_ALLOWED
        && !ours.headers.contains_key("allow");
    settled && theirs.headers.remove("allow").is_some()
}

/// An answer has one content type, the first.
fn one_content_type(_: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let (Some(one), Some(several)) = (ours.headers.get("content-type"), theirs.headers.get_mut("content-type")) else {
        return false;
    };
    let settled = several.len() > 1 && *one == several[..1];
    if settled {
        several.truncate(1);
    }
    settled
}

/// A HEAD is answered as the GET, whose form is in the query string; there it is looked for in the body.
fn a_form_of_head_is_in_its_query(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let unlike = case.method == Method::HEAD && case.path() == "/form" && ours.status != theirs.status;
    settle_whole(unlike && matches!(ours.status, StatusCode::OK | StatusCode::BAD_REQUEST), ours, theirs)
}

/// A refusal has a body here, which a layer for compression works on where it has none to work on there.
fn problems_pass_through_layers(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let works_on = |answer: &Answer| answer.header("vary") == Some("accept-encoding");
    let settled = case.path().starts_with("/zip/")
        && ours.status == StatusCode::METHOD_NOT_ALLOWED
        && works_on(ours)
        && theirs.body.is_empty()
        && !theirs.headers.contains_key("vary");
    if settled {
        ours.headers.remove("vary");
        if ours.headers.remove("content-encoding").is_some() {
            // A problem that is no text any more.
            take_body(ours, theirs);
        }
    }
    settled
}

/// A parameter with an escape that is none is refused; there it stands for itself.
fn broken_escapes_are_refused(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let escapes = case.path().split('%').skip(1);
    let is_broken = |escape: &str| !(escape.len() >= 2 && escape.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()));
    let refused = ours.status == StatusCode::BAD_REQUEST
        && is_problem(case, ours)
        && (case.method == Method::HEAD || ours.text().contains("is not percent-encoded utf-8"));
    settle_whole(escapes.into_iter().any(is_broken) && refused, ours, theirs)
}

/// Media types are compared as RFC 9110, section 8.3.1, has them; there the crate `mime` reads those of JSON, and those of a form
/// are compared by their first letters.
fn media_types_are_those_of_http(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let first = case.headers.iter().find(|(name, _)| name == "content-type");
    let Some(kind) = first.and_then(|(_, value)| value.to_str().ok()) else { return false };
    let form = "application/x-www-form-urlencoded";
    let odd = match case.path() {
        "/form" => kind.to_lowercase().starts_with(form) && kind != form,
        // A space before the semicolon, a parameter without a value, a suffix that is not the last.
        _ => ["application/json ; a=b", "application/json; x", "application/json+x"].contains(&kind),
    };
    let refuses = |answer: &Answer| answer.status == StatusCode::UNSUPPORTED_MEDIA_TYPE;
    settle_whole(odd && refuses(ours) != refuses(theirs), ours, theirs)
}

/// The keys and values of the query string, as they stand there.
fn pairs(case: &Case) -> Vec<(&str, &str)> {
    let query = case.target.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect()
}

/// An `Option` of a number or a `bool` whose value is empty is none. axum refuses that, and axum-extra takes it for none whatever
/// the type.
fn an_empty_value_is_no_number(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let is_empty = |key: &str| pairs(case).contains(&(key, ""));
    let refuses = |answer: &Answer| answer.status == StatusCode::BAD_REQUEST;
    let known = match case.path() {
        "/pages" => is_empty("size") && !refuses(ours) && refuses(theirs),
        "/tags" => is_empty("mode") && refuses(ours) && !refuses(theirs),
        _ => false,
    };
    settle_whole(known, ours, theirs)
}

/// A `bool` is true by `on` too, as a checkbox says it.
fn on_is_true(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let on = ["/pages", "/maybe"].contains(&case.path()) && pairs(case).contains(&("desc", "on"));
    settle_whole(on && ours.status == StatusCode::OK && theirs.status == StatusCode::BAD_REQUEST, ours, theirs)
}

/// A key that is there twice is not one text, and refused; there the last one counts.
fn a_repeated_key_is_no_text(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let mut keys: Vec<_> = pairs(case).into_iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    let repeated = case.path() == "/query" && keys.windows(2).any(|two| two[0] == two[1]);
    settle_whole(repeated && ours.status == StatusCode::BAD_REQUEST && theirs.status == StatusCode::OK, ours, theirs)
}

/// A parameter takes one character or more; there one that is not the last may be empty.
fn no_parameter_is_empty(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let empty = case.path().contains("//") && ours.status == StatusCode::NOT_FOUND;
    settle_whole(empty && theirs.status != StatusCode::NOT_FOUND, ours, theirs)
}

/// The fallback of a nested router answers the prefix with a slash; there it does not.
fn a_fallback_answers_its_prefix_with_a_slash(case: &Case, ours: &mut Answer, theirs: &mut Answer) -> bool {
    let gone = case.path() == "/admin/" && ours.status == StatusCode::GONE && theirs.status == StatusCode::NOT_FOUND;
    settle_whole(gone, ours, theirs)
}

/// Lets an answer that is known to be another one be.
fn settle_whole(known: bool, ours: &mut Answer, theirs: &Answer) -> bool {
    if known {
        *ours = theirs.clone();
    }
    known
}
