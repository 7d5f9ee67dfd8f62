//! The seven methods of the wire.

use http::Method;

/// Code of GET.
pub const METHOD_GET: u8 = 0;
/// Code of POST.
pub const METHOD_POST: u8 = 1;
/// Code of PUT.
pub const METHOD_PUT: u8 = 2;
/// Code of DELETE.
pub const METHOD_DELETE: u8 = 3;
/// Code of PATCH.
pub const METHOD_PATCH: u8 = 4;
/// Code of HEAD.
pub const METHOD_HEAD: u8 = 5;
/// Code of OPTIONS.
pub const METHOD_OPTIONS: u8 = 6;

const METHODS: [(u8, Method); 7] = [
    (METHOD_GET, Method::GET),
    (METHOD_POST, Method::POST),
    (METHOD_PUT, Method::PUT),
    (METHOD_DELETE, Method::DELETE),
    (METHOD_PATCH, Method::PATCH),
    (METHOD_HEAD, Method::HEAD),
    (METHOD_OPTIONS, Method::OPTIONS),
];

/// The code of a method's name, GET for a name without one.
///
/// Lenient, as in the published crates. The wire path of this crate refuses such a method instead.
pub fn method_to_u8(method: &str) -> u8 {
    METHODS.iter().find(|(_, known)| known.as_str() == method).map_or(METHOD_GET, |(code, _)| *code)
}

/// The name of a method's code, `"GET"` for an unknown one.
///
/// Lenient, as in the published crates. The wire path of this crate answers such a request 501 instead.
pub fn u8_to_method(code: u8) -> &'static str {
    const NAMES: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    NAMES.get(usize::from(code)).copied().unwrap_or("GET")
}

/// The method of a code, if it has one.
pub(crate) fn decode_method(code: u8) -> Option<Method> {
    METHODS.get(usize::from(code)).map(|(_, method)| method.clone())
}

/// The code of a method, if it has one.
pub(crate) fn encode_method(method: &Method) -> Option<u8> {
    METHODS.iter().find(|(_, known)| known == method).map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_names_one_method_and_back() {
        for code in 0..7 {
            let method = decode_method(code).unwrap();
            assert_eq!(encode_method(&method), Some(code));
            assert_eq!((u8_to_method(code), method_to_u8(method.as_str())), (method.as_str(), code));
        }
    }

    #[test]
    fn an_unknown_code_is_no_method_and_an_unknown_method_has_no_code() {
        assert_eq!(decode_method(7), None);
        assert_eq!(encode_method(&Method::TRACE), None);
        assert_eq!(encode_method(&Method::from_bytes(b"PURGE").unwrap()), None);
    }
}
