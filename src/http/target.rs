//! The request target: path and query of the wire as one `http::Uri`.

use bytes::Bytes;
use http::Uri;

use crate::protocol::{CallError, is_text};

/// Makes a URI of `path` and `query`, both slices of `block`.
#[inline]
pub(super) fn target(block: &Bytes, path: &[u8], query: Option<&[u8]>) -> Result<Uri, CallError> {
    let refused = || CallError::Target(display(path, query));
    // That it is UTF-8 is not left to the parser: http 1.3.0 believes it.
    let is_utf8 = is_text(path) && query.is_none_or(is_text);
    if !is_utf8 || !path.starts_with(b"/") && path != b"*" {
        return Err(refused());
    }
    let uri = match query {
        None => Uri::from_maybe_shared(block.slice_ref(path)),
        Some(query) => Uri::from_maybe_shared(Bytes::from([path, b"?", query].concat())),
    };
    let uri = uri.map_err(|_| refused())?;
    // What the parser took for something else than the wire says: an authority, a query, a fragment.
    let is_whole = uri.path().len() == path.len() && uri.query().map(str::len) == query.map(<[u8]>::len);
    if uri.authority().is_some() || !is_whole { Err(refused()) } else { Ok(uri) }
}

fn display(path: &[u8], query: Option<&[u8]>) -> String {
    let both = query.map_or_else(|| path.to_owned(), |query| [path, b"?", query].concat());
    String::from_utf8_lossy(&both).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &'static str, query: Option<&'static str>) -> Result<String, String> {
        // One block, as on the wire.
        let block = Bytes::from(format!("{path}{}", query.unwrap_or_default()));
        let (path, query) = (&block[..path.len()], query.map(|_| &block[path.len()..]));
        target(&block, path, query).map(|uri| uri.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_path_and_its_query_become_one_target() {
        assert_eq!(parse("/a/%20b", None).unwrap(), "/a/%20b");
        assert_eq!(parse("/a", Some("x=1&y=?")).unwrap(), "/a?x=1&y=?");
        assert_eq!(parse("/a", Some("")).unwrap(), "/a?");
        assert_eq!(parse("*", None).unwrap(), "*");
        assert_eq!(parse("//a", None).unwrap(), "//a");
    }

    #[test]
    fn what_is_no_target_is_refused_by_name() {
        for path in ["", "a", "http://a/b", "/a?b", "/a#b", "/a b", "/\n"] {
            assert_eq!(parse(path, None).unwrap_err(), format!("path and query {path:?} are no request target"));
        }
        for query in ["b#c", "#", "b c", "b?#"] {
            assert!(parse("/a", Some(query)).is_err(), "{query}");
        }
        for path in ["/?", "/#", "/a?", "*?", "*#a", "/a?b#c"] {
            assert!(parse(path, None).is_err() && parse(path, Some("q")).is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_not_utf_8_is_refused() {
        for (path, query) in [(&b"/\xff"[..], None), (b"/\xff", Some(&b"a=b"[..])), (b"/a", Some(b"a=\xff"))] {
            let block = Bytes::from([path, query.unwrap_or_default()].concat());
            let (path, query) = (&block[..path.len()], query.map(|_| &block[path.len()..]));
            let error = target(&block, path, query).unwrap_err().to_string();
            assert!(error.starts_with("path and query \"/") && error.contains('\u{fffd}'), "{error}");
        }
    }
}
