//! The hub's process: our hub or a published one as a [`Caller`].

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use slotbus::hub::{Hub, Route};
use slotbus::{Body, RequestId, Version};
use uuid::Uuid;

use crate::echo::{Answer, Ask};
use crate::ledger::Ledger;
use crate::load::{self, Caller, Outcome};
use crate::never_reset::NeverReset;
use crate::plan::{ANSWERS_OVER_REQUESTS, COMPARISON, FULL, HEAP_OF_A_PHASE, Plan, WITHOUT_RESET};
use crate::{Code, process};

/// Slots of a published hub. For its pings a worker of ours keeps two of them free, and answers 503 instead.
pub(crate) const SLOTS: usize = 35;
/// As published, in bytes.
const REGION_SIZE: usize = 1 << 20;
const PATTERN: &str = "/echo/{nonce}/{word}";

/// Makes the bus, says so in a line, drives the plan, and says in another what came of it.
pub(crate) fn run(code: Code, worker: Code, divisor: u64, name: &str) {
    let plan = match code {
        _ if code.is_published() && worker.is_published() => COMPARISON,
        Code::Published01 => ANSWERS_OVER_REQUESTS,
        Code::Published01NeverReset => WITHOUT_RESET,
        _ => FULL,
    };
    let plan = plan.divided_by(divisor);
    match code {
        Code::Ours => drive(Ours::new(name, Version::V1), worker, plan),
        Code::OursV2 => drive(Ours::new(name, Version::V2), worker, plan),
        Code::Published01 => {
            let hub = Published01::new(name, REGION_SIZE);
            drive(Published01 { ledger: Some(Ledger::new(name)), ..hub }, worker, plan);
        }
        Code::Published01NeverReset => {
            let hub = Published01::new(name, HEAP_OF_A_PHASE);
            drive(NeverReset::new(hub, name), worker, plan);
        }
        Code::Published02 => drive(Published02::new(name, REGION_SIZE), worker, plan),
    }
}

fn drive<C: Caller>(caller: C, worker: Code, plan: Plan) {
    let caller = Arc::new(caller);
    say("ready");
    load::warm_up(&*caller, plan.give_up);
    let report = load::run(&caller, plan, worker.is_published());
    say(&serde_json::to_string(&report).expect("numbers and strings"));
    process::wait_for_the_end();
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the process with the trials reads");
}

/// What a path of an [`Ask`] holds where the pattern has names.
fn params(ask: &Ask) -> Vec<(String, String)> {
    let mut parts = ask.path.split('/').skip(2).map(str::to_owned);
    ["nonce", "word"].map(|name| (name.to_owned(), parts.next().unwrap_or_default())).into()
}

struct Ours(Hub);

impl Ours {
    fn new(name: &str, version: Version) -> Self {
        Self(Hub::builder(name).version(version).timeout(FULL.give_up).create().expect("a hub"))
    }
}

impl Caller for Ours {
    async fn call(&self, id: Uuid, ask: &Ask, _give_up: Duration) -> Outcome {
        let target = ask.query.as_ref().map_or_else(|| ask.path.clone(), |query| format!("{}?{query}", ask.path));
        let mut request = Request::builder().method(ask.method).uri(target);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let id = RequestId::new(&id.to_string()).expect("36 bytes");
        let route = Route { pattern: PATTERN.into(), params: params(ask) };
        let request =
            request.extension(id).extension(route).body(Body::from(ask.body.clone())).expect("a good request");
        match self.0.call(request).await {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
                Outcome::Answered(Answer {
                    status: parts.status.as_u16(),
                    content_type: parts.headers.get("content-type").map(text).unwrap_or_default(),
                    headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
                    body: body.collect().await.expect("it is there").to_bytes(),
                })
            }
            Err(error) => Outcome::Lost(format!("{error:?}")),
        }
    }
}

/// A hub of a published crate; the two have the same API.
macro_rules! published_hub {
    ($hub:ident, $published:ident) => {
        pub(crate) struct $hub {
            pub(crate) bus: $published::SlotBus,
            refused: AtomicU64,
            /// Where two requests may share bytes.
            ledger: Option<Ledger>,
        }

        impl $hub {
            fn new(name: &str, region_size: usize) -> Self {
                let config = $published::SlotBusConfig::builder();
                let config = config.name(name).num_slots(SLOTS).region_size(region_size).build();
                let bus = $published::SlotBus::create(config).expect("a hub");
                bus.start_response_watcher();
                Self { bus, refused: AtomicU64::new(0), ledger: None }
            }
        }

        impl Caller for $hub {
            async fn call(&self, id: Uuid, ask: &Ask, give_up: Duration) -> Outcome {
                let meta = $published::types::RequestMeta {
                    path: ask.path.clone(),
                    route_pattern: PATTERN.to_owned(),
                    path_params: params(ask),
                    query: ask.query.clone(),
                    headers: ask.headers.clone(),
                };
                let ledger = self.ledger.as_ref();
                let text = id.to_string();
                let begun = Instant::now();
                let (answer, sighting) = loop {
                    let at = ledger.map(Ledger::now);
                    match self.bus.dispatch(&text, ask.method, &meta, &ask.body) {
                        Ok(answer) => {
                            break (answer, ledger.zip(at).map(|(ledger, at)| ledger.dispatched(id, at)));
                        }
                        // What stays refused waits for a slot that is never answered.
                        Err(error) if begun.elapsed() > give_up => {
                            return Outcome::Lost(format!("refused for {give_up:?}: {error}"));
                        }
                        // The heap is full, or an overflow object could not be made: the hub's own business.
                        Err(_) => {
                            self.refused.fetch_add(1, Ordering::Relaxed);
                            tokio::task::yield_now().await;
                        }
                    }
                };
                let answer = tokio::time::timeout(give_up, answer).await;
                if let Some(sighting) = sighting {
                    sighting.over();
                }
                match answer {
                    Ok(Ok($published::transport::Response { status, body, content_type, headers })) => {
                        Outcome::Answered(Answer { status, content_type, headers, body: Bytes::from(body) })
                    }
                    Ok(Err(_)) => Outcome::Lost("the hub dropped its caller".to_owned()),
                    Err(_) => Outcome::Lost(format!("no answer within {give_up:?}")),
                }
            }

            fn begin(&self) {
                if let Some(ledger) = &self.ledger {
                    ledger.clear();
                }
            }

            fn refused(&self) -> u64 {
                self.refused.swap(0, Ordering::Relaxed)
            }

            fn is_failed_open(&self, answer: &Answer) -> bool {
                let text = String::from_utf8_lossy(&answer.body);
                answer.status == 500 && text.contains("overflow object ") && text.contains(" could not be read")
            }

            fn shared_heap(&self, id: Uuid, lost: bool) -> bool {
                self.ledger.as_ref().is_some_and(|ledger| ledger.shared_heap(id, lost))
            }
        }
    };
}

published_hub!(Published01, published01);
published_hub!(Published02, published02);
