//! Who is registered: names, their routes and their buses.
//!
//! Registrations come one after the other; requests read the table that stands, and a registration puts another in its
//! place. What stays true: a table's targets are workers whose bus was there when the table was made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use http::Method;
use uuid::Uuid;

use super::builder::Options;
use super::refused::Refused;
use super::table::{Conflict, Table, Target};
use super::worker::Worker;
use crate::control::{PING_PATH, Registered, Registration, Route, WorkerInfo};
use crate::http::pattern::Pattern;
use crate::protocol::{BusName, encode_method};

/// How many pings in a row may stay unanswered.
const MOST_MISSES: u32 = 3;
/// How many registrations of one name are remembered; the oldest have to register again.
const MOST_IDS: usize = 256;

/// Who is registered.
#[derive(Debug)]
pub(super) struct Registry {
    prefix: String,
    entries: Mutex<Entries>,
    table: RwLock<Arc<Table>>,
    /// Held while somebody registers or is forgotten.
    turn: tokio::sync::Mutex<()>,
}

/// By name.
type Entries = BTreeMap<String, Entry>;

#[derive(Debug)]
struct Entry {
    worker: Arc<Worker>,
    routes: Vec<Arc<Target>>,
    ids: Vec<String>,
    misses: u32,
    /// How many requests were answered when it was looked at last.
    answered: u64,
}

impl Registry {
    pub(super) fn new(prefix: String) -> Self {
        let (entries, table, turn) = Default::default();
        Self { prefix, entries, table, turn }
    }

    /// The routes as they stand now.
    pub(super) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a worker: its bus is there when this returns.
    ///
    /// The bus of a name is kept while nobody holds a slot of it or a worker answers, so that processes of one name share
    /// it. The routes that were registered last hold for all of them.
    pub(super) async fn register(&self, asked: Registration, options: &Options) -> Result<Registered, Refused> {
        let Registration { name, routes } = asked;
        BusName::new(&self.prefix, &name).map_err(|error| Refused::bad_request(error.to_string()))?;
        let routes = parse(&routes)?;
        let targets_of = |worker: &Arc<Worker>| {
            let targets = routes.iter().map(|route| Arc::new(route.of(worker)));
            targets.collect::<Vec<_>>()
        };
        let _turn = self.turn.lock().await;
        let known = self.entries().get(&name).map(|entry| Arc::clone(&entry.worker));
        if let Some(worker) = &known {
            // Routes that cannot stand beside those of others cost nobody the bus.
            self.table_with(&self.entries(), &name, &targets_of(worker))?;
        }
        let kept = match &known {
            Some(worker) if worker.is_worth_keeping().await => known.clone(),
            _ => None,
        };
        let is_new = kept.is_none();
        let worker = match kept {
            Some(worker) => worker,
            None => Arc::new(create(options, &name, known).await?),
        };
        let targets = targets_of(&worker);
        let table = self.table_with(&self.entries(), &name, &targets);
        let table = match table {
            Ok(table) => table,
            Err(conflict) => {
                if is_new {
                    close(vec![worker]).await;
                }
                return Err(conflict.into());
            }
        };
        let id = Uuid::new_v4().to_string();
        {
            let mut entries = self.entries();
            let former = entries.remove(&name).filter(|_| !is_new && !worker.has_gone());
            let mut ids = former.map(|former| former.ids).unwrap_or_default();
            if ids.len() == MOST_IDS {
                ids.remove(0);
            }
            ids.push(id.clone());
            worker.expects_another();
            let answered = worker.answered();
            let entry = Entry { worker: Arc::clone(&worker), routes: targets, ids, misses: 0, answered };
            entries.insert(name.clone(), entry);
            self.put_in_place(table);
        }
        tracing::info!(worker = name, worker_id = id, routes = routes.len(), new_bus = is_new, "registered");
        Ok(Registered { worker_id: id, shm_name: worker.region() })
    }

    /// A table that has `targets` for `name` and what the others have, but what those have who have gone comes last.
    fn table_with(&self, entries: &Entries, name: &str, targets: &[Arc<Target>]) -> Result<Table, Conflict> {
        let mut table = Table::default();
        let others = entries.iter().filter(|(other, _)| *other != name).map(|(_, entry)| entry);
        let (gone, there): (Vec<_>, Vec<_>) = others.partition(|entry| entry.worker.has_gone());
        add_all(&mut table, there);
        for target in targets {
            table.add(Arc::clone(target))?;
        }
        add_all(&mut table, gone);
        Ok(table)
    }

    fn put_in_place(&self, table: Table) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }

    /// Who is there: who has provably gone is left out.
    pub(super) fn list(&self) -> Vec<WorkerInfo> {
        let entries = self.entries();
        let alive = entries.iter().filter(|(_, entry)| !entry.worker.has_gone());
        let infos = alive.flat_map(|(name, entry)| {
            entry.ids.iter().map(|id| WorkerInfo {
                name: name.clone(),
                worker_id: id.clone(),
                route_count: entry.routes.len(),
                transport: "shm".to_owned(),
            })
        });
        infos.collect()
    }

    /// Looks after everybody once: asks those who prove nothing whether they live, and forgets whom nothing was heard of three
    /// times in a row.
    pub(super) async fn look_after(&self) {
        let workers: Vec<_> = self
            .entries()
            .iter()
            .map(|(name, entry)| (name.clone(), Arc::clone(&entry.worker), entry.answered))
            .collect();
        let looks = workers.into_iter().map(async |(name, worker, answered)| {
            // Who is busy may have no slot left for a ping, and answers requests.
            let lives = !worker.is_closed()
                && (worker.is_attached()
                    || worker.answered() != answered
                    || !worker.has_gone() && worker.answers_a_ping().await);
            (name, worker, lives)
        });
        let looked = futures::future::join_all(looks).await;
        let _turn = self.turn.lock().await;
        let mut gone = Vec::new();
        {
            let mut entries = self.entries();
            for (name, worker, lives) in looked {
                let Some(entry) = entries.get_mut(&name) else { continue };
                if !Arc::ptr_eq(&entry.worker, &worker) {
                    continue;
                }
                entry.answered = worker.answered();
                entry.misses = if lives { 0 } else { entry.misses + 1 };
                if entry.misses >= MOST_MISSES || worker.is_closed() {
                    tracing::warn!(
                        worker = name,
                        "forgotten: it holds no lock and answers no ping, or its bus is gone"
                    );
                    entries.remove(&name);
                    gone.push(worker);
                }
            }
            if !gone.is_empty() {
                self.put_in_place(self.table_with(&entries, "", &[]).expect("nothing new can be in conflict"));
            }
        }
        close(gone).await;
    }

    /// Closes all buses.
    pub(super) async fn close(&self) {
        let _turn = self.turn.lock().await;
        let entries = std::mem::take(&mut *self.entries());
        close(entries.into_values().map(|entry| entry.worker).collect()).await;
    }
}

/// Adds the routes of who has registered before. One whose route another has taken while it was gone has lost that.
fn add_all(table: &mut Table, entries: Vec<&Entry>) {
    for target in entries.into_iter().flat_map(|entry| &entry.routes) {
        if let Err(conflict) = table.add(Arc::clone(target)) {
            tracing::warn!(worker = target.worker.name(), "a route is left out: {conflict}");
        }
    }
}

/// Makes the bus of `name` when that of its former worker is closed.
async fn create(options: &Options, name: &str, former: Option<Arc<Worker>>) -> Result<Worker, Refused> {
    let builder = options.hub(name);
    let creating = tokio::task::spawn_blocking(move || {
        if let Some(former) = former {
            former.close();
        }
        builder.create()
    });
    let created = creating.await.map_err(|_| Refused::internal("the bus could not be made"))?;
    created.map(Worker::new).map_err(|error| {
        tracing::error!(worker = name, error = &error as &dyn std::error::Error, "its bus could not be made");
        Refused::internal(format!("the bus of {name} could not be made: {error}"))
    })
}

/// Closes buses away from the runtime's threads: each joins its own.
async fn close(workers: Vec<Arc<Worker>>) {
    if !workers.is_empty() {
        let closing = tokio::task::spawn_blocking(move || workers.iter().for_each(|worker| worker.close()));
        let _ = closing.await;
    }
}

/// A route that was checked.
#[derive(Clone)]
struct ParsedRoute {
    method: Method,
    registered: String,
    pattern: Pattern,
    sse: bool,
}

impl ParsedRoute {
    fn of(&self, worker: &Arc<Worker>) -> Target {
        let Self { method, registered, pattern, sse } = self.clone();
        Target { worker: Arc::clone(worker), method, registered, pattern, sse }
    }
}

/// Checks routes; each once, and without that of pings, which is nobody's.
fn parse(routes: &[Route]) -> Result<Vec<ParsedRoute>, Refused> {
    let mut seen = BTreeSet::new();
    let mut parsed = Vec::new();
    for Route { method, path, sse } in routes.iter().filter(|route| route.path != PING_PATH) {
        let refused = |why: String| Refused::bad_request(format!("route {method} {path}: {why}"));
        let method = Method::from_bytes(method.as_bytes()).ok().filter(|method| encode_method(method).is_some());
        let method = method
            .ok_or_else(|| refused("the bus carries GET, POST, PUT, DELETE, PATCH, HEAD and OPTIONS".to_owned()))?;
        if *sse && method != Method::GET {
            return Err(refused("a stream of events is asked for by GET".to_owned()));
        }
        let pattern = Pattern::parse(path).map_err(|error| refused(error.to_string()))?;
        if seen.insert((method.to_string(), pattern.as_str().to_owned())) {
            parsed.push(ParsedRoute { method, registered: path.clone(), pattern, sse: *sse });
        }
    }
    Ok(parsed)
}
