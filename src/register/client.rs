//! An HTTP client for one address: JSON there and back, over one connection that is kept.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::control::{HubError, SECRET_HEADER};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const MOST: usize = 4 << 20;
/// As much of a refusal's body is quoted.
const QUOTED: usize = 300;

/// A hub's address, and the connection to it.
pub(super) struct HubClient {
    url: String,
    /// Host and port, as in the header `Host`.
    authority: String,
    port: u16,
    /// What stands before each path.
    base: String,
    secret: Option<HeaderValue>,
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl HubClient {
    pub(super) fn new(url: &str, secret: Option<&str>) -> Result<Self, HubError> {
        if url.contains('@') {
            // Not repeated: what stands before the sign may be a password.
            return Err(HubError::Url { url: "…".to_owned(), reason: "names and passwords do not belong into it" });
        }
        let bad = |reason| HubError::Url { url: url.to_owned(), reason };
        let uri: Uri = url.parse().map_err(|_| bad("it is no URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(bad("TLS is not spoken here: a hub is on this machine, or behind a tunnel")),
            _ => return Err(bad("it does not begin with http://")),
        }
        let authority = uri.authority().ok_or_else(|| bad("it has no host"))?;
        let port = match authority.as_str().rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => {
                port.parse().map_err(|_| bad("its port is no number up to 65535"))?
            }
            _ => 80,
        };
        let secret = secret.map(|secret| {
            let mut value = HeaderValue::from_str(secret).map_err(|_| HubError::Secret)?;
            value.set_sensitive(true);
            Ok::<_, HubError>(value)
        });
        Ok(Self {
            url: url.to_owned(),
            authority: authority.to_string(),
            port,
            base: uri.path().trim_end_matches('/').to_owned(),
            secret: secret.transpose()?,
            connection: Mutex::new(None),
        })
    }

    pub(super) async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, HubError> {
        self.answer(Method::GET, path, Bytes::new()).await
    }

    pub(super) async fn post<A: DeserializeOwned>(&self, path: &str, value: &impl Serialize) -> Result<A, HubError> {
        self.answer(Method::POST, path, json(value)).await
    }

    /// Posts what is answered by nothing in particular.
    pub(super) async fn tell(&self, path: &str, value: &impl Serialize) -> Result<(), HubError> {
        self.request(Method::POST, path, json(value)).await.map(drop)
    }

    async fn answer<A: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<A, HubError> {
        let answer = self.request(method, path, body).await?;
        serde_json::from_slice(&answer).map_err(|source| HubError::Answer {
            url: self.url.clone(),
            path: path.to_owned(),
            source: source.into(),
        })
    }

    async fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, HubError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.base).parse().expect("a path of ours behind one of a URL");
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(&self.authority).expect("an authority is a value"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(secret) = &self.secret {
            headers.insert(SECRET_HEADER, secret.clone());
        }
        let exchange = self.exchange(request);
        let (status, body) = match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(answer) => answer.map_err(|source| {
                let url = self.url.clone();
                // Somebody was reached who is no hub: trying again helps nobody.
                if is_an_answer(&*source) {
                    HubError::Answer { url, path: path.to_owned(), source }
                } else {
                    HubError::Unreachable { url, source }
                }
            })?,
            Err(_) => return Err(HubError::Silent { url: self.url.clone(), waited: PATIENCE }),
        };
        if status.is_success() {
            return Ok(body);
        }
        let text = String::from_utf8_lossy(&body);
        let body = text.chars().filter(|c| !c.is_control()).take(QUOTED).collect();
        Err(HubError::Refused { url: self.url.clone(), status, body })
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        // Taken out, so that a request which is dropped or fails leaves no broken connection behind; who finds none meanwhile makes
        // another.
        let kept = self.kept().take();
        let mut connection = match kept {
            Some(mut connection) => match connection.ready().await {
                Ok(()) => connection,
                Err(_) => self.connect().await?,
            },
            None => self.connect().await?,
        };
        let response = match connection.try_send_request(request).await {
            Ok(response) => response,
            // The hub hung up just before: it has seen nothing of it.
            Err(mut error) => match error.take_message() {
                Some(request) => {
                    connection = self.connect().await?;
                    connection.send_request(request).await?
                }
                None => return Err(error.into_error().into()),
            },
        };
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST).collect().await?.to_bytes();
        *self.kept() = Some(connection);
        Ok((status, body))
    }

    fn kept(&self) -> MutexGuard<'_, Option<SendRequest<Full<Bytes>>>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
        let host = self.authority.strip_suffix(&format!(":{}", self.port)).unwrap_or(&self.authority);
        let host = host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends when its sender is dropped or the hub hangs up; what it says then, the next request says too.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("values of the control plane are JSON").into()
}

impl fmt::Display for HubClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// Whether an exchange failed at what the other side has said, which was no HTTP or too much.
fn is_an_answer(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref().is_some_and(hyper::Error::is_parse) || error.is::<http_body_util::LengthLimitError>()
}
