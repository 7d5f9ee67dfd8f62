//! Starts hubs and workers, and kills them.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::books::{Book, Books, Event, descriptors};
use super::plan::{Life, Plan, Role};

/// Workers that are killed.
const MORTALS: u64 = 3;

/// A process, killed when dropped.
struct Process(Child);

impl Process {
    fn start(role: &Role) -> std::io::Result<Self> {
        Ok(Self(role.command().stdin(Stdio::piped()).spawn()?))
    }

    /// Kills it and waits until it is dead; whether it lived until then.
    fn kill(&mut self) -> std::io::Result<bool> {
        let lived = self.0.try_wait()?.is_none();
        self.0.kill()?;
        self.0.wait()?;
        Ok(lived)
    }

    /// Has it end by itself.
    fn end(&mut self) -> std::io::Result<bool> {
        drop(self.0.stdin.take());
        Ok(self.0.wait()?.success())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A small generator: which worker, and when.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

pub(crate) fn torture(plan: &Plan) -> Result<Books, Box<dyn std::error::Error + Send + Sync>> {
    let books = Books::new()?;
    let book = Book::open(books.folder(), "killer")?;
    let bus = format!("torture-{}", std::process::id());
    let seed = super::books::now() | 1;
    println!("bus {bus}, seed {seed}");
    let mut dice = Dice(seed);
    let life = |number: u64| Life { bus: bus.clone(), number, books: books.folder().to_owned() };
    let mut workers = 0..;
    let mut next_worker = || Process::start(&Role::Worker(life(workers.next().expect("numbers never end"))));
    let mut elder = next_worker()?;
    let mut mortals = (0..MORTALS).map(|_| next_worker()).collect::<Result<Vec<_>, _>>()?;
    let mut killed = (0, 0);
    let mut lives = 1..;
    let mut hub = Process::start(&Role::Hub(life(lives.next().expect("numbers never end"))))?;
    let start = Instant::now();
    let mut elder_at_first = None;
    while killed.0 < plan.worker_kills
        || killed.1 < plan.hub_kills
        || start.elapsed() < plan.at_least
        || answered(&books)? < plan.requests
    {
        // Each life of a hub sees some deaths of workers, at moments of its own, and then its own.
        for _ in 0..=dice.below(6) {
            thread::sleep(Duration::from_millis(20 + dice.below(130)));
            let mortal = &mut mortals[dice.below(MORTALS) as usize];
            book.write(Event::WorkerKilled, killed.0 as u64);
            if !mortal.kill()? {
                return Err("a worker had ended by itself".into());
            }
            *mortal = next_worker()?;
            killed.0 += 1;
        }
        thread::sleep(Duration::from_millis(20 + dice.below(100)));
        elder_at_first.get_or_insert(descriptors(elder.0.id())?);
        book.write(Event::HubKilled, killed.1 as u64);
        if !hub.kill()? {
            return Err("a hub had ended by itself".into());
        }
        hub = Process::start(&Role::Hub(life(lives.next().expect("numbers never end"))))?;
        killed.1 += 1;
    }
    // The last life ends well, and what is left then was forgotten by somebody.
    thread::sleep(Duration::from_millis(1500));
    let elder_at_last = descriptors(elder.0.id())?;
    if !hub.end()? {
        return Err("the last hub did not end well".into());
    }
    let ended_well = mortals.iter_mut().chain([&mut elder]).map(Process::end).collect::<Result<Vec<_>, _>>()?;
    if ended_well.contains(&false) {
        return Err("a worker did not end well".into());
    }
    let at_first = elder_at_first.expect("there was a first life");
    println!("file descriptors of the elder: {at_first} in its first life of the hub, {elder_at_last} in its last");
    if elder_at_last > at_first {
        return Err("the elder gained file descriptors".into());
    }
    let left: Vec<_> = std::fs::read_dir("/dev/shm")?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.contains(&bus))
        .collect();
    if !left.is_empty() {
        return Err(format!("left in /dev/shm: {left:?}").into());
    }
    Ok(books)
}

/// Roughly how many requests there were so far.
fn answered(books: &Books) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(books.folder())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("hub-") {
            bytes += entry.metadata()?.len();
        }
    }
    // Two records for each request.
    Ok(bytes / 48)
}
