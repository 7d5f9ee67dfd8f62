//! The trace that a request belongs to, as its headers tell.

use std::{fmt, str};

use http::header::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The length of a `traceparent` of version 00.
const TRACEPARENT_LEN: usize = 55;
/// A `tracestate` may have so many members.
const MOST_MEMBERS: usize = 32;

/// The trace that a request belongs to: its `traceparent` and `tracestate` headers (W3C Trace Context).
///
/// ```
/// # use slotbus::{TraceContext, handler};
/// #[handler(GET, "/whoami")]
/// async fn whoami(trace: Option<TraceContext>) -> String {
///     match trace {
///         Some(trace) => format!("trace {}, called by span {}", trace.trace_id(), trace.parent_id()),
///         None => "nobody traces this request".to_owned(),
///     }
/// }
/// ```
///
/// A `traceparent` is believed only as the recommendation has it (sections 3.2 and 4.3): lower-case hexadecimal digits,
/// neither id all zeros, not more than one such header, in version 00 nothing behind the flags. Of a version that is not
/// known, other than `ff`, the same first fields are taken. A header that is malformed counts as absent, and `tracestate` with
/// it; a `tracestate` that is malformed counts as absent by itself.
///
/// Displayed, it is a `traceparent` of version 00.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TraceContext {
    ids: TraceIds,
    flags: u8,
    state: Option<HeaderValue>,
}

impl TraceContext {
    /// What the headers of a request tell, if they tell it well. For layers; a handler takes it as an argument.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let (ids, flags) = parent_in(headers)?;
        Some(Self { ids, flags, state: state_in(headers) })
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.ids.trace
    }

    /// The caller's span, which is the parent of what this request does.
    pub fn parent_id(&self) -> ParentId {
        self.ids.parent
    }

    /// The flags as they were sent. Bits this version of the recommendation does not name mean nothing.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether the caller may have recorded the trace (section 3.2.2.5.1).
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// What tracing systems want passed on, the members of all `tracestate` headers in their order.
    pub fn state(&self) -> Option<&str> {
        self.state.as_ref().and_then(|state| state.to_str().ok())
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ids: TraceIds { trace, parent }, flags, state: _ } = self;
        // Of the flags only those that are known are passed on.
        write!(f, "00-{trace}-{parent}-{:02x}", flags & 1)
    }
}

/// The two ids of a trace context.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TraceIds {
    pub(crate) trace: TraceId,
    pub(crate) parent: ParentId,
}

impl TraceIds {
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        parent_in(headers).map(|(ids, _)| ids)
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($len:literal)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// The bytes; not all of them are 0.
            pub fn to_bytes(self) -> [u8; $len] {
                self.0
            }

            /// Reads lower-case hexadecimal digits that are not all zeros.
            fn parse(digits: &[u8]) -> Option<Self> {
                let bytes = hex(digits)?;
                (bytes != [0; $len]).then_some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

id! {
    /// The id of a trace: 16 bytes, displayed as 32 lower-case hexadecimal digits.
    TraceId(16)
}
id! {
    /// The id of the span that made a request: 8 bytes, displayed as 16 lower-case hexadecimal digits.
    ParentId(8)
}

/// Reads exactly `N` bytes of lower-case hexadecimal digits; upper case is not allowed (section 3.2).
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

/// The only value of a header that may not be repeated.
fn parent_in(headers: &HeaderMap) -> Option<(TraceIds, u8)> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { parse_parent(value.as_bytes()) }
}

/// Reads `version "-" trace-id "-" parent-id "-" trace-flags`, and in later versions what may follow (section 4.3).
fn parse_parent(value: &[u8]) -> Option<(TraceIds, u8)> {
    let (head, rest) = value.split_at_checked(TRACEPARENT_LEN)?;
    let [version] = hex(&head[..2])?;
    let ends_well = match version {
        0x00 => rest.is_empty(),
        0xff => false,
        _ => rest.first().is_none_or(|&next| next == b'-'),
    };
    if !ends_well || [head[2], head[35], head[52]] != *b"---" {
        return None;
    }
    let (trace, parent) = (TraceId::parse(&head[3..35])?, ParentId::parse(&head[36..52])?);
    let [flags] = hex(&head[53..])?;
    Some((TraceIds { trace, parent }, flags))
}

/// The members of all `tracestate` headers, if all are well-formed (section 3.3).
fn state_in(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(TRACESTATE).iter();
    let first = values.next()?;
    // Hardly ever is there a second one.
    let joined = values.try_fold(None, |joined: Option<Vec<u8>>, value| {
        let mut joined = joined.unwrap_or_else(|| first.as_bytes().to_vec());
        joined.push(b',');
        joined.extend(value.as_bytes());
        Some(Some(joined))
    })?;
    let state = match joined {
        Some(joined) => HeaderValue::from_maybe_shared(bytes::Bytes::from(joined)).ok()?,
        None => first.clone(),
    };
    let text = str::from_utf8(state.as_bytes()).ok()?;
    // Empty members are allowed and mean nothing.
    let mut members =
        text.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty());
    let mut count = 0;
    let well_formed = members.all(|member| {
        count += 1;
        is_member(member)
    });
    (well_formed && (1..=MOST_MEMBERS).contains(&count)).then_some(state)
}

/// Whether a text is `key "=" value` (sections 3.3.1.3.1 and 3.3.1.3.2).
fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let is_key_char = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/".contains(&b);
    let is_key = |text: &str, most: usize, digit_first: bool| {
        let first = text.bytes().next();
        first.is_some_and(|b| b.is_ascii_lowercase() || digit_first && b.is_ascii_digit())
            && text.len() <= most
            && text.bytes().all(is_key_char)
    };
    let key_is_good = match key.split_once('@') {
        Some((tenant, system)) => is_key(tenant, 241, true) && is_key(system, 14, false),
        None => is_key(key, 256, false),
    };
    // The blanks at its end were trimmed, so only a value that is nothing but blanks can be empty here.
    let is_value_char = |b: u8| (b' '..=b'~').contains(&b) && b != b'=' && b != b',';
    key_is_good && (1..=256).contains(&value.len()) && value.bytes().all(is_value_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for &(name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn context(traceparent: &str) -> Option<TraceContext> {
        TraceContext::of(&headers(&[("traceparent", traceparent)]))
    }

    fn state(values: &[&str]) -> Option<String> {
        let parent = format!("00-{TRACE}-{PARENT}-01");
        let mut pairs = vec![("traceparent", parent.as_str())];
        pairs.extend(values.iter().map(|value| ("tracestate", *value)));
        let context = TraceContext::of(&headers(&pairs)).expect("tracestate does not decide about traceparent");
        context.state().map(str::to_owned)
    }

    #[test]
    fn a_traceparent_of_version_00_is_read_and_displayed_again() {
        let text = format!("00-{TRACE}-{PARENT}-01");
        let context = context(&text).unwrap();
        assert_eq!(context.trace_id().to_string(), TRACE);
        assert_eq!(context.parent_id().to_bytes(), [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        assert!(context.is_sampled());
        assert_eq!((context.state(), context.to_string()), (None, text));
    }

    #[test]
    fn flags_without_a_meaning_are_read_and_not_passed_on() {
        let context = context(&format!("00-{TRACE}-{PARENT}-fe")).unwrap();
        assert_eq!((context.flags(), context.is_sampled()), (0xfe, false));
        assert!(context.to_string().ends_with("-00"));
    }

    #[test]
    fn a_malformed_traceparent_counts_as_absent() {
        let zeros = "0".repeat(32);
        for malformed in [
            String::new(),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-0"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("00-{TRACE}-{PARENT}-0g"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", PARENT.to_uppercase()),
            format!("00-{zeros}-{PARENT}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00_{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}_{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}_01"),
            format!("0-{TRACE}-{PARENT}-01"),
            format!("zz-{TRACE}-{PARENT}-01"),
            format!(".0-{TRACE}-{PARENT}-01"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("FF-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01, 00-{TRACE}-{PARENT}-01"),
        ] {
            assert_eq!(context(&malformed), None, "{malformed}");
        }
    }

    #[test]
    fn of_an_unknown_version_the_known_fields_are_taken() {
        for known in ["cc-T-P-01", "01-T-P-01-what-the-future-brings", "fe-T-P-01-"] {
            let text = known.replace('T', TRACE).replace('P', PARENT);
            assert_eq!(context(&text).unwrap().to_string(), format!("00-{TRACE}-{PARENT}-01"), "{text}");
        }
        for unknown in ["cc-T-P-01.more", "cc-T-P-0", "cc-T-P-012"] {
            let text = unknown.replace('T', TRACE).replace('P', PARENT);
            assert_eq!(context(&text), None, "{text}");
        }
    }

    #[test]
    fn two_traceparents_count_as_none() {
        let parent = format!("00-{TRACE}-{PARENT}-01");
        assert_eq!(TraceContext::of(&headers(&[("traceparent", &parent), ("traceparent", &parent)])), None);
    }

    #[test]
    fn tracestate_headers_are_one_list() {
        assert_eq!(state(&["a=1"]).as_deref(), Some("a=1"));
        assert_eq!(state(&["a=1, b=x y", "t9@sys=!~"]).as_deref(), Some("a=1, b=x y,t9@sys=!~"));
        assert_eq!(state(&["a=1,,", "", "\tb=2 "]).as_deref(), Some("a=1,,,,\tb=2 "));
        assert_eq!(state(&["9t@sys=1"]).as_deref(), Some("9t@sys=1"));
    }

    #[test]
    fn a_malformed_tracestate_counts_as_absent_by_itself() {
        let long = |n: usize| "a".repeat(n);
        let members = |n: usize| (0..n).map(|i| format!("k{i}=1")).collect::<Vec<_>>().join(",");
        for malformed in ["", ",", "a", "=1", "a=", "A=1", "9a=1", "a =1", "a=b=c", "@s=1", "t@=1", "t@9=1", "t@s@s=1"]
        {
            assert_eq!(state(&[malformed]), None, "{malformed}");
        }
        assert_eq!(state(&["a=1", "b"]), None);
        assert!(state(&[&format!("{}=1", long(256))]).is_some() && state(&[&format!("{}=1", long(257))]).is_none());
        assert!(state(&[&format!("a={}", long(256))]).is_some() && state(&[&format!("a={}", long(257))]).is_none());
        assert!(state(&[&members(32)]).is_some() && state(&[&members(33)]).is_none());
    }

    #[test]
    fn a_tracestate_without_a_traceparent_is_nothing() {
        assert_eq!(TraceContext::of(&headers(&[("tracestate", "a=1")])), None);
    }
}
