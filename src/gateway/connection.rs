//! One connection, from its first byte to its end: at the client's wish, or the gateway's.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::builder::Options;
use super::tasks::{Owner, Tasks};
use super::traffic::{Look, Traffic};
use super::{Inner, front};

/// How often a silent connection of HTTP/2 is asked whether it is there.
const HTTP2_PING: Duration = Duration::from_secs(20);

/// Serves one connection; what is in hand on it when `closing` says so is answered first.
pub(super) async fn serve(gateway: Arc<Inner>, stream: TcpStream, peer: SocketAddr, closing: watch::Receiver<bool>) {
    // Answers are written whole, so there is nothing to gather.
    let _ = stream.set_nodelay(true);
    let traffic = Traffic::new(Instant::now());
    let service = service_fn({
        let (gateway, traffic) = (Arc::clone(&gateway), Arc::clone(&traffic));
        move |request| {
            let (gateway, exchange) = (Arc::clone(&gateway), traffic.begin());
            async move {
                let mut place = None;
                let response = front::answer(gateway, peer, request, &mut place).await;
                Ok::<_, Infallible>(exchange.answer(response, place))
            }
        }
    });
    let streams = Owner::new();
    let server = server(&gateway.options, streams.tasks().clone());
    {
        let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
        let mut oversight = Oversight::new(traffic, &gateway.options, closing);
        loop {
            match select(connection.as_mut(), pin!(oversight.next())).await {
                Either::Left((Err(error), _)) => break tracing::debug!(%peer, error, "a connection failed"),
                Either::Left((Ok(()), _)) => break,
                Either::Right((Order::Drain, _)) => connection.as_mut().graceful_shutdown(),
                Either::Right((Order::End(why), _)) => break tracing::debug!(%peer, "a connection is ended: {why}"),
            }
        }
    }
    streams.end().await;
}

fn server(options: &Options, tasks: Tasks) -> auto::Builder<Tasks> {
    let mut server = auto::Builder::new(tasks);
    // What is not much too large is refused by a problem; beyond that reading ends.
    let bytes = options.header_bytes.saturating_mul(2);
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.patience)
        .max_headers(options.headers.saturating_mul(2))
        .max_buf_size(bytes.max(8192));
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING)
        .keep_alive_timeout(HTTP2_PING)
        .max_header_list_size(u32::try_from(bytes).unwrap_or(u32::MAX));
    server
}

/// What is to become of a connection.
enum Order {
    /// It takes no more requests and ends when it has answered those that it has.
    Drain,
    /// It ends at once, for this reason.
    End(&'static str),
}

/// Watches over a connection: whether anything is asked for, whether answers are taken, whether the gateway ends.
struct Oversight {
    traffic: Arc<Traffic>,
    idle: Duration,
    write: Duration,
    closing: watch::Receiver<bool>,
    closes: bool,
    drains_since: Option<Instant>,
}

impl Oversight {
    fn new(traffic: Arc<Traffic>, options: &Options, closing: watch::Receiver<bool>) -> Self {
        let (idle, write) = (options.patience, options.write);
        Self { traffic, idle, write, closing, closes: false, drains_since: None }
    }

    /// Resolves when something is to be done.
    async fn next(&mut self) -> Order {
        loop {
            let now = Instant::now();
            let next = match self.traffic.look(now, self.idle, self.write) {
                Look::Well(until) => until,
                Look::Stalled => return Order::End("its client takes nothing of an answer"),
                Look::Idle => match self.drains_since.map(|since| since + self.idle) {
                    Some(end) if end <= now => return Order::End("it asks for nothing and stays"),
                    Some(end) => end,
                    None => return self.drain(),
                },
            };
            let waiting = tokio::time::sleep_until(next.into());
            if self.closes {
                waiting.await;
                continue;
            }
            // That who would say so has gone is the end as well.
            let closing = async { drop(self.closing.wait_for(|closes| *closes).await) };
            self.closes = matches!(select(pin!(closing), pin!(waiting)).await, Either::Left(_));
            if self.closes {
                return self.drain();
            }
        }
    }

    fn drain(&mut self) -> Order {
        self.drains_since = Some(Instant::now());
        Order::Drain
    }
}
