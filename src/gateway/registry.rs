//! Who is registered: names, their routes and their buses.
//!
//! Registrations of one name come one after the other, those of others beside them; requests read the table that stands, and a
//! registration puts another in its place. What stays true: a table's targets are workers whose bus was there when the table
//! was made; entries and table change together, under the lock of the entries.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use http::StatusCode;
use uuid::Uuid;

use super::builder::Options;
use super::refused::Refused;
use super::routes;
use super::table::{Conflict, Table, Target};
use super::worker::Worker;
use crate::control::{Registered, Registration, WorkerInfo};
use crate::protocol::BusName;

/// How many pings in a row may stay unanswered.
const MOST_MISSES: u32 = 3;
/// How many registrations of one name are remembered; the oldest have to register again.
const MOST_IDS: usize = 256;
/// How many names can be registered at the same time, where chance does not give two the same turn.
const TURNS: usize = 64;

/// Who is registered.
#[derive(Debug)]
pub(super) struct Registry {
    prefix: String,
    entries: Mutex<Entries>,
    table: RwLock<Arc<Table>>,
    /// One is held while a name registers or is forgotten: that which the name's hash says.
    turns: [tokio::sync::Mutex<()>; TURNS],
    hasher: std::hash::RandomState,
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
        let (entries, table, hasher) = Default::default();
        Self { prefix, entries, table, turns: std::array::from_fn(|_| tokio::sync::Mutex::default()), hasher }
    }

    /// The routes as they stand now.
    pub(super) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which of the turns is a name's.
    fn turn_of(&self, name: &str) -> usize {
        self.hasher.hash_one(name) as usize % TURNS
    }

    /// Registers a worker: its bus is there when this returns.
    ///
    /// The bus of a name is kept while nobody holds a slot of it or a worker answers, so that processes of one name share
    /// it. The routes that were registered last hold for all of them.
    pub(super) async fn register(&self, asked: Registration, options: &Options) -> Result<Registered, Refused> {
        let Registration { name, routes } = asked;
        BusName::new(&self.prefix, &name).map_err(|error| Refused::bad_request(error.to_string()))?;
        let routes = routes::parse(&routes, options)?;
        let targets_of = |worker: &Arc<Worker>| {
            let targets = routes.iter().map(|route| Arc::new(route.of(worker)));
            targets.collect::<Vec<_>>()
        };
        let _turn = self.turns[self.turn_of(&name)].lock().await;
        self.make_room(&name, options).await;
        let known = {
            let entries = self.entries();
            has_room(&entries, &name, routes.len(), options)?;
            let known = entries.get(&name).map(|entry| Arc::clone(&entry.worker));
            if let Some(worker) = &known {
                // Routes that cannot stand beside those of others cost nobody the bus.
                self.table_with(&entries, &name, &targets_of(worker))?;
            }
            known
        };
        let kept = match &known {
            Some(worker) if worker.is_worth_keeping().await => known.clone(),
            _ => None,
        };
        let is_new = kept.is_none();
        let worker = match kept {
            Some(worker) => worker,
            None => Arc::new(create(options, &name, known).await?),
        };
        let id = Uuid::new_v4().to_string();
        if let Err(refused) = self.enter(&name, &worker, targets_of(&worker), &id, is_new, options) {
            if is_new {
                close(vec![worker]).await;
            }
            return Err(refused);
        }
        tracing::info!(worker = name, worker_id = id, routes = routes.len(), new_bus = is_new, "registered");
        Ok(Registered { worker_id: id, shm_name: worker.region() })
    }

    /// Makes an entry of a worker, if it can still stand beside those that there are now.
    fn enter(
        &self,
        name: &str,
        worker: &Arc<Worker>,
        targets: Vec<Arc<Target>>,
        id: &str,
        is_new: bool,
        options: &Options,
    ) -> Result<(), Refused> {
        let mut entries = self.entries();
        has_room(&entries, name, targets.len(), options)?;
        let table = self.table_with(&entries, name, &targets)?;
        let former = entries.remove(name).filter(|_| !is_new && !worker.has_gone());
        let mut ids = former.map(|former| former.ids).unwrap_or_default();
        if ids.len() == MOST_IDS {
            ids.remove(0);
        }
        ids.push(id.to_owned());
        worker.expects_another();
        let answered = worker.answered();
        entries
            .insert(name.to_owned(), Entry { worker: Arc::clone(worker), routes: targets, ids, misses: 0, answered });
        self.put_in_place(table);
        Ok(())
    }

    /// Forgets who has provably gone, if this name, whose turn is held, would be one too many.
    async fn make_room(&self, name: &str, options: &Options) {
        let gone: Vec<_> = {
            let entries = self.entries();
            if entries.len() < options.names || entries.contains_key(name) {
                return;
            }
            let gone = entries.iter().filter(|(_, entry)| entry.worker.has_gone());
            gone.map(|(name, entry)| (name.clone(), Arc::clone(&entry.worker))).collect()
        };
        self.forget(gone, Some(self.turn_of(name))).await;
    }

    /// Forgets names whose worker is still this one, and closes their buses; not those that register meanwhile. The turn `held`
    /// is the caller's.
    async fn forget(&self, mut workers: Vec<(String, Arc<Worker>)>, held: Option<usize>) {
        // By turn, since several names may have the same.
        let mut turns = BTreeMap::new();
        workers.retain(|(name, _)| {
            let turn = self.turn_of(name);
            if held != Some(turn) && !turns.contains_key(&turn) {
                let Ok(guard) = self.turns[turn].try_lock() else { return false };
                turns.insert(turn, guard);
            }
            true
        });
        {
            let mut entries = self.entries();
            workers.retain(|(name, worker)| {
                let is_there = entries.get(name).is_some_and(|entry| Arc::ptr_eq(&entry.worker, worker));
                is_there && entries.remove(name).is_some()
            });
            if !workers.is_empty() {
                self.put_in_place(self.table_with(&entries, "", &[]).expect("nothing new can be in conflict"));
            }
        }
        let gone = workers.into_iter().map(|(_, worker)| worker).collect();
        // Nobody makes a bus of these names before theirs are closed.
        close(gone).await;
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
                    gone.push((name, worker));
                }
            }
        }
        self.forget(gone, None).await;
    }

    /// Closes all buses, when nobody registers any more.
    pub(super) async fn close(&self) {
        let entries = std::mem::take(&mut *self.entries());
        close(entries.into_values().map(|entry| entry.worker).collect()).await;
    }
}

/// Refuses a name, or routes of it, that would be too many beside those of others.
fn has_room(entries: &Entries, name: &str, routes: usize, options: &Options) -> Result<(), Refused> {
    let refused = |detail: String| Err(Refused::new(StatusCode::CONFLICT, detail));
    let (most, most_routes) = (options.names, options.routes);
    let others = entries.iter().filter(|(other, _)| *other != name);
    let (names, of_others) = others.fold((0, 0), |(names, of), (_, entry)| (names + 1, of + entry.routes.len()));
    if names >= most {
        return refused(format!("{most} names are registered, which is as many as there may be"));
    }
    if of_others + routes > most_routes {
        return refused(format!("{of_others} routes are registered, and {routes} more exceed {most_routes}"));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_gone_makes_room_also_for_a_name_of_the_same_turn() {
        let options = Options { names: 2, prefix: "slotbus-test".to_owned(), ..Options::default() };
        let registry = Registry::new(options.prefix.clone());
        let names = std::iter::repeat_with(|| Uuid::new_v4().to_string());
        let names: Vec<_> = names.filter(|name| registry.turn_of(name) == 0).take(4).collect();
        let register = async |name: &String| {
            registry.register(Registration { name: name.clone(), routes: Vec::new() }, &options).await
        };
        for name in &names[..2] {
            register(name).await.unwrap();
        }
        assert!(register(&names[2]).await.is_err(), "two are there");
        registry.entries().values().for_each(|entry| entry.worker.close());
        for name in &names[2..] {
            register(name).await.unwrap();
        }
        assert_eq!(registry.list().len(), 2);
        registry.close().await;
    }
}
