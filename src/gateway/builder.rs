//! What a gateway is to be like.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, ToSocketAddrs};

use super::Gateway;
use super::secret::Secret;
use crate::hub::{Hub, HubBuilder};
use crate::protocol::{Limits, Version};
use crate::report::reported;

/// As good as for ever, and still a time that the clock knows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Makes a [`Gateway`]. Made by [`Gateway::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `bind`"]
pub struct GatewayBuilder {
    options: Options,
}

/// Why a gateway does not listen.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The name of the address stands for none.
    #[error("the address cannot be resolved")]
    Name(#[source] std::io::Error),
    /// The address could not be had.
    #[error("cannot listen on {address}")]
    Address {
        /// The address, or the last of several.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Whoever reaches the address could register workers.
    #[error("{0} is reached from other machines: set a secret, or listen on a loopback address")]
    NoSecret(SocketAddr),
    /// The secret is short enough to be guessed, or cannot stand in a header.
    #[error("the secret is to be 16 or more visible ascii characters")]
    WeakSecret,
    /// The prefix cannot begin the names of buses.
    #[error(transparent)]
    Prefix(#[from] crate::protocol::NameError),
}

reported!(BindError);

#[derive(Clone)]
pub(super) struct Options {
    pub(super) prefix: String,
    pub(super) version: Version,
    pub(super) slots: usize,
    pub(super) force: bool,
    pub(super) timeout: Duration,
    pub(super) retries: usize,
    pub(super) body_limit: usize,
    pub(super) headers: usize,
    pub(super) header_bytes: usize,
    pub(super) requests: usize,
    pub(super) uploads: usize,
    pub(super) connections: usize,
    pub(super) streams: usize,
    pub(super) names: usize,
    pub(super) routes_of_name: usize,
    pub(super) routes: usize,
    pub(super) patience: Duration,
    pub(super) write: Duration,
    pub(super) heartbeat: Duration,
    pub(super) pings: Duration,
    pub(super) drain: Duration,
    pub(super) secret: Option<Secret>,
    pub(super) render: Option<Arc<dyn Fn() -> String + Send + Sync>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: "hub".to_owned(),
            version: Version::V1,
            slots: 32,
            force: false,
            timeout: Duration::from_secs(30),
            retries: 0,
            body_limit: 16 << 20,
            headers: 100,
            header_bytes: 32 << 10,
            requests: 1024,
            uploads: 1024,
            connections: 4096,
            streams: 1024,
            names: 256,
            routes_of_name: 1024,
            routes: 16 << 10,
            patience: Duration::from_secs(10),
            write: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            pings: Duration::from_secs(10),
            drain: Duration::from_secs(30),
            secret: None,
            render: None,
        }
    }
}

impl Options {
    /// The hub of the workers called `name`.
    pub(super) fn hub(&self, name: &str) -> HubBuilder {
        /// What the gateway adds to a request's headers, with room to spare.
        const ADDED: usize = 8;
        let hub = Hub::builder(name).prefix(&self.prefix).version(self.version).slots(self.slots).timeout(self.timeout);
        // Answers may be longer than requests.
        let hub = hub.message_limit(self.body_limit.max(64 << 20)).header_limit((self.headers + ADDED).max(256));
        let hub = hub.inline_capacity((80 << 10).max(self.header_bytes.saturating_mul(2)));
        if self.force { hub.replace_by_force() } else { hub }
    }
}

impl GatewayBuilder {
    /// What the names of the buses' objects begin with: `hub` by default, as workers of the published crates expect.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.options.prefix = prefix.into();
        self
    }

    /// The version of the buses: 1 by default; published workers of 0.2.x need 2. Workers of this crate take either.
    pub fn region_version(mut self, version: Version) -> Self {
        self.options.version = version;
        self
    }

    /// How many requests one name's workers have at once, 1 to 256: 32 by default. More wait their turn.
    pub fn slots(mut self, slots: usize) -> Self {
        self.options.slots = slots;
        self
    }

    /// Also replaces regions that do not prove their hub dead, as a published hub leaves them behind; see
    /// [`HubBuilder::replace_by_force`].
    pub fn replace_by_force(mut self) -> Self {
        self.options.force = true;
        self
    }

    /// How long a request may take, from its head to its answer: 30 s by default. Answered 504.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// Sends a request again, at most `times` times, when its worker died over it, it is idempotent and has no body; see
    /// [`RetryIdempotent`](crate::hub::RetryIdempotent). By default nothing is sent twice.
    pub fn retry_idempotent(mut self, times: usize) -> Self {
        self.options.retries = times;
        self
    }

    /// The longest body of a request, in bytes: 16 MiB by default. Answered 413.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.options.body_limit = bytes;
        self
    }

    /// The most headers of a request, 8,192 at most, and the most bytes of them with the target: 100 and 32 KiB by default. Answered
    /// 431.
    ///
    /// What exceeds twice these is refused before it is read to its end: by a bare 431.
    pub fn header_limit(mut self, headers: usize, bytes: usize) -> Self {
        (self.options.headers, self.options.header_bytes) = (headers.min(Limits::MOST_HEADERS), bytes);
        self
    }

    /// How many requests are in hand at once, those of all names together: 1,024 by default. Answered 503.
    ///
    /// A request counts from when its body is there until its client has taken the last byte of the answer, so this is also how
    /// many answers are in memory.
    pub fn concurrent_requests(mut self, requests: usize) -> Self {
        self.options.requests = requests;
        self
    }

    /// How many bodies are received at once, those of all names together: 1,024 by default. Answered 503.
    ///
    /// A request whose client still sends is not in hand yet, so clients that send slowly keep out others that send, and nobody
    /// else. So many bodies are in memory besides those of requests in hand.
    pub fn concurrent_uploads(mut self, uploads: usize) -> Self {
        self.options.uploads = uploads;
        self
    }

    /// How many connections there are at once: 4,096 by default. More wait to be accepted.
    pub fn connections(mut self, connections: usize) -> Self {
        self.options.connections = connections;
        self
    }

    /// How many event streams are open at once: 1,024 by default. Answered 503.
    pub fn event_streams(mut self, streams: usize) -> Self {
        self.options.streams = streams;
        self
    }

    /// How many names are registered at once: 256 by default, each with a bus of its own. Answered 409.
    ///
    /// One that is too many takes the place of a name whose workers have provably gone.
    pub fn names(mut self, names: usize) -> Self {
        self.options.names = names;
        self
    }

    /// How many routes one name may register, and all names together: 1,024 and 16,384 by default. Answered 413 and 409.
    pub fn routes(mut self, of_a_name: usize, of_all: usize) -> Self {
        (self.options.routes_of_name, self.options.routes) = (of_a_name, of_all);
        self
    }

    /// How long a client has for a request's head, and for each next piece of its body: 10 s by default.
    ///
    /// It is also how long a connection stays open on which nothing is asked for and no answer is on its way. A body is answered
    /// 408; a head ends the connection.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.options.patience = timeout.min(LONGEST);
        self
    }

    /// How long a client may take nothing of an answer that lies ready for it, or of an event: 30 s by default.
    ///
    /// Then its connection is ended, with all that is on it. Each byte that is taken gives it as long again.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.options.write = timeout.min(LONGEST);
        self
    }

    /// How long an event stream is quiet before the gateway sends a comment: 15 s by default.
    pub fn heartbeat(mut self, period: Duration) -> Self {
        self.options.heartbeat = period.min(LONGEST);
        self
    }

    /// How often workers that hold no lock, as those of the published crates, are asked whether they are there: every 10 s by
    /// default. Three misses in a row, and they are forgotten.
    pub fn ping_period(mut self, period: Duration) -> Self {
        self.options.pings = period;
        self
    }

    /// How long requests in hand have when the gateway ends: 30 s by default.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.options.drain = timeout;
        self
    }

    /// What callers from other machines send as `X-Hub-Secret`, with every request: 16 or more visible ASCII characters.
    ///
    /// Without it they are answered 401. Callers from this machine need none, and neither does whoever comes through a proxy
    /// on this machine: let no proxy pass on what begins with `/internal/`.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.options.secret = Some(Secret::new(secret.into()));
        self
    }

    /// Answers `GET /metrics` with what `render` returns, in the text format of Prometheus. Without it there is no such path.
    pub fn metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.options.render = Some(Arc::new(render));
        self
    }

    /// Listens on `address`; connections wait there until the gateway serves.
    ///
    /// # Errors
    /// When the address cannot be had, or is reached from other machines and there is no secret; when secret or prefix are
    /// malformed.
    pub async fn bind(self, address: impl ToSocketAddrs) -> Result<Gateway, BindError> {
        let Self { options } = self;
        crate::protocol::BusName::new(&options.prefix, "name")?;
        if options.secret.as_ref().is_some_and(Secret::is_weak) {
            return Err(BindError::WeakSecret);
        }
        let (listener, address) = listen(address).await?;
        if options.secret.is_none() && !address.ip().to_canonical().is_loopback() {
            return Err(BindError::NoSecret(address));
        }
        Ok(Gateway::new(listener, address, options))
    }
}

/// Listens on the first of the addresses that can be had.
async fn listen(addresses: impl ToSocketAddrs) -> Result<(TcpListener, SocketAddr), BindError> {
    let addresses = tokio::net::lookup_host(addresses).await.map_err(BindError::Name)?;
    let mut refused = BindError::Name(std::io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        let listening = async { TcpListener::bind(address).await.and_then(|it| Ok((it.local_addr()?, it))) };
        match listening.await {
            Ok((address, listener)) => return Ok((listener, address)),
            Err(source) => refused = BindError::Address { address, source },
        }
    }
    Err(refused)
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn limits_of_headers_beyond_what_a_request_can_have_are_cut_to_it() {
        let GatewayBuilder { options } = Gateway::builder().header_limit(usize::MAX, usize::MAX);
        assert_eq!(options.headers, Limits::MOST_HEADERS);
        // What is asked of hyper, twice as many, has room in a map.
        let _ = HeaderMap::<()>::with_capacity(2 * options.headers);
        let _hub = options.hub("name");
    }
}
