//! An answer as data.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::BodyExt;

/// One answer: its headers by name, the values of each in order.
#[derive(Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: BTreeMap<String, Vec<Bytes>>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The whole of a response, or why its body broke off.
    pub(crate) async fn of<B>(response: Response<B>) -> Result<Self, B::Error>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let (parts, body) = response.into_parts();
        let mut headers = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in &parts.headers {
            headers.entry(name.to_string()).or_default().push(Bytes::copy_from_slice(value.as_bytes()));
        }
        Ok(Self { status: parts.status, headers, body: body.collect().await?.to_bytes() })
    }

    /// The only value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        match self.headers.get(name).map(Vec::as_slice) {
            Some([value]) => std::str::from_utf8(value).ok(),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// As on a wire: the head line by line, then the body.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, headers, body } = self;
        writeln!(f, "{status}")?;
        for (name, value) in headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value))) {
            writeln!(f, "{name}: {value:?}")?;
        }
        write!(f, "{} bytes: {:?}", body.len(), body.slice(..body.len().min(400)))
    }
}
