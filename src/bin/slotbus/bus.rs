//! What the commands that send requests have in common: which bus, as its hub, and what is sent.

use std::error::Error;
use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use slotbus::error::BusError;
use slotbus::hub::{CallError, CreateError, Hub};
use slotbus::{Body, Version};

use super::measures::{time, version};

/// Which bus, and how its hub is to be.
#[derive(Debug, Args)]
pub(crate) struct BusArguments {
    /// The bus. It must have no hub: the one that sends is its hub.
    name: String,
    /// What the names of the bus's objects begin with.
    #[arg(long, default_value = "slotbus")]
    prefix: String,
    /// The protocol's version that the workers speak.
    #[arg(long, default_value = "1", value_name = "VERSION", value_parser = version())]
    region_version: Version,
    /// How long an answer may take, a worker's start included: 500ms, 5s, 2m.
    #[arg(long, default_value = "5s", value_parser = time)]
    timeout: Duration,
    /// Replace a region that does not prove that nobody uses it.
    #[arg(long)]
    force: bool,
}

/// What is sent.
#[derive(Debug, Args)]
pub(crate) struct RequestArguments {
    /// The method: GET, POST, PUT, DELETE, PATCH, HEAD or OPTIONS.
    #[arg(value_parser = method)]
    method: Method,
    /// Path and query: /items/7?full=true
    #[arg(value_parser = path)]
    path: Uri,
    /// A header, `name: value`; may be given several times.
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The body: as it is, of a file (`@file`), or of the standard input (`@-`).
    #[arg(short, long, value_name = "DATA")]
    data: Option<String>,
}

impl BusArguments {
    /// Makes the bus.
    pub(crate) fn hub(&self) -> Result<Hub, Box<dyn Error>> {
        let builder = Hub::builder(&self.name).prefix(&self.prefix).version(self.region_version).timeout(self.timeout);
        let builder = if self.force { builder.replace_by_force() } else { builder };
        builder.create().map_err(|error| match error {
            CreateError::Bus(BusError::Live(_)) => {
                format!("{error}; a bus has one hub, so ask that one, for example by the address of its gateway").into()
            }
            error => error.into(),
        })
    }

    /// What is to be said when a call failed.
    pub(crate) fn failed(&self, error: CallError) -> Box<dyn Error + Send + Sync> {
        match error {
            CallError::Unclaimed(after) => {
                let start = format!("start a worker with SLOTBUS_NAME={}, or give it more --timeout", self.name);
                format!("no answer within {after:?} on bus {}-{}: {start}", self.prefix, self.name).into()
            }
            CallError::TimedOut(after) => {
                let bus = format!("bus {}-{}", self.prefix, self.name);
                format!("a worker of {bus} has not answered within {after:?}: give it more --timeout").into()
            }
            error => error.into(),
        }
    }
}

impl RequestArguments {
    /// Reads the body, once.
    pub(crate) fn body(&self) -> Result<Bytes, Box<dyn Error>> {
        let Some(data) = &self.data else { return Ok(Bytes::new()) };
        Ok(match data.strip_prefix('@') {
            None => data.clone().into(),
            Some("-") => {
                let mut body = Vec::new();
                std::io::stdin().read_to_end(&mut body)?;
                body.into()
            }
            Some(file) => std::fs::read(file).map_err(|error| format!("cannot read {file}: {error}"))?.into(),
        })
    }

    pub(crate) fn request(&self, body: Bytes) -> Request<Body> {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.clone();
        request.headers_mut().extend(self.headers.iter().cloned());
        request
    }
}

fn method(text: &str) -> Result<Method, String> {
    let known = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    let method = text.to_ascii_uppercase();
    let is_known = known.contains(&method.as_str());
    let found = if is_known { Method::from_bytes(method.as_bytes()).ok() } else { None };
    found.ok_or_else(|| format!("a bus carries {}", known.join(", ")))
}

/// The target of a request, path and query.
pub(crate) fn path(text: &str) -> Result<Uri, String> {
    if !text.starts_with('/') {
        return Err("a path begins with `/`".to_owned());
    }
    text.parse().map_err(|error| format!("{error}"))
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("a header is written `name: value`")?;
    let name = name.trim().parse().map_err(|_| format!("{name:?} is no name of a header"))?;
    let value = value.trim().parse().map_err(|_| format!("{value:?} is no value of a header"))?;
    Ok((name, value))
}
