//! The thread that watches over the processes of a supervisor.

use std::process::{Command, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::post::{Leaving, Post, Running};
use super::{ProcessState, ReplaceError, Shared, SupervisorBuilder};
use crate::sync::survived;

/// What the thread is told to do.
pub(super) enum Order {
    Replace(Sender<Result<(), ReplaceError>>),
    Stop,
}

/// A replacement under way.
struct Replacement {
    /// The post whose process is being replaced.
    at: usize,
    /// What takes over when it is steady; `None` when all have and the last one is leaving.
    next: Option<Running>,
    reply: Sender<Result<(), ReplaceError>>,
}

pub(super) struct Watch {
    bus: String,
    command: Command,
    /// The first pause, and the longest.
    pauses: (Duration, Duration),
    steady_after: Duration,
    stop_timeout: Duration,
    shared: Arc<Shared>,
    orders: Receiver<Order>,
    posts: Vec<Post>,
    leaving: Vec<Leaving>,
    replacement: Option<Replacement>,
    stops: bool,
}

impl Watch {
    pub(super) fn new(
        options: SupervisorBuilder,
        first: Running,
        shared: Arc<Shared>,
        orders: Receiver<Order>,
    ) -> Self {
        let SupervisorBuilder { bus, command, processes, pauses, steady_after, stop_timeout } = options;
        let mut posts: Vec<_> = (0..processes).map(|_| Post::new(pauses.0)).collect();
        posts[0].fill(first);
        let mut watch = Self {
            bus,
            command,
            pauses,
            steady_after,
            stop_timeout,
            shared,
            orders,
            posts,
            leaving: Vec::new(),
            replacement: None,
            stops: false,
        };
        watch.start_due();
        watch.show();
        watch
    }

    /// Watches until all processes have ended after a stop.
    pub(super) fn run(&mut self) {
        while !(self.stops && self.leaving.is_empty()) {
            let patience = self.next_due().map(|due| due.saturating_duration_since(Instant::now()));
            let next = self.replacement.iter().filter_map(|replacement| replacement.next.as_ref());
            let running = self.posts.iter().filter_map(|post| post.running.as_ref());
            let leaving = self.leaving.iter().map(|leaving| &leaving.process);
            let processes = running.chain(leaving).chain(next).map(|process| &process.handle);
            self.shared.alarm.wait_for_ends(processes, patience);
            self.take_orders();
            self.see_ends();
            self.go_on_replacing();
            self.start_due();
            self.show();
        }
    }

    /// When something is to be done though nothing happens.
    fn next_due(&self) -> Option<Instant> {
        let starts = self.posts.iter().filter(|post| post.running.is_none() && !self.stops).map(|post| post.due);
        let kills = self.leaving.iter().filter_map(|leaving| leaving.killed_at);
        let next = self.replacement.iter().filter_map(|replacement| replacement.next.as_ref());
        let steady = next.filter_map(|next| next.since.checked_add(self.steady_after));
        starts.flatten().chain(kills).chain(steady).min()
    }

    fn take_orders(&mut self) {
        loop {
            match self.orders.try_recv() {
                Ok(Order::Replace(reply)) if self.stops || self.replacement.is_some() => {
                    let _ = reply.send(Err(ReplaceError::Busy));
                }
                Ok(Order::Replace(reply)) => self.replace_at(0, reply),
                Ok(Order::Stop) | Err(TryRecvError::Disconnected) => return self.stop(),
                Err(TryRecvError::Empty) => return,
            }
        }
    }

    fn stop(&mut self) {
        self.stops = true;
        let next = self.replacement.take().and_then(|replacement| replacement.next);
        let running = self.posts.iter_mut().filter_map(|post| post.running.take()).chain(next);
        self.leaving.extend(running.map(|process| process.leave(self.stop_timeout)));
    }

    /// Begins to replace the process of a post, or waits for the last ones to leave when there is no such post.
    fn replace_at(&mut self, at: usize, reply: Sender<Result<(), ReplaceError>>) {
        let next = (at < self.posts.len()).then(|| Running::start(&self.bus, &mut self.command)).transpose();
        match next {
            // Nobody who leaves, nobody to wait for.
            Ok(None) if self.leaving.is_empty() => self.has_replaced(&reply),
            Ok(next) => self.replacement = Some(Replacement { at, next, reply }),
            Err(error) => drop(reply.send(Err(ReplaceError::Start(error)))),
        }
    }

    fn go_on_replacing(&mut self) {
        let Some(Replacement { at, next, reply }) = self.replacement.take() else { return };
        match next {
            Some(mut next) => {
                if let Some(status) = next.ended() {
                    let _ = reply.send(Err(ReplaceError::Ended(how(status))));
                } else if next.since.elapsed() >= self.steady_after {
                    let former = self.posts[at].fill(next);
                    self.leaving.extend(former.map(|former| former.leave(self.stop_timeout)));
                    self.replace_at(at + 1, reply);
                } else {
                    self.replacement = Some(Replacement { at, next: Some(next), reply });
                }
            }
            None if self.leaving.is_empty() => self.has_replaced(&reply),
            None => self.replacement = Some(Replacement { at, next, reply }),
        }
    }

    /// Tells who asked for a replacement, when it can be seen.
    fn has_replaced(&self, reply: &Sender<Result<(), ReplaceError>>) {
        self.show();
        let _ = reply.send(Ok(()));
    }

    /// Sees which processes have ended, and kills those that take too long.
    fn see_ends(&mut self) {
        let now = Instant::now();
        for post in &mut self.posts {
            let Some(status) = post.running.as_mut().and_then(Running::ended) else { continue };
            let Some(process) = post.running.take() else { continue };
            if process.since.elapsed() >= self.steady_after {
                post.pause = self.pauses.0;
            }
            post.last_end = status;
            let pause = post.put_off(self.pauses.1);
            let (pid, how) = (process.pid(), how(status));
            survived(
                || tracing::warn!(bus = %self.bus, pid, "a worker process ended: {how}; the next starts in {pause:?}"),
            );
        }
        self.leaving.retain_mut(|leaving| {
            if leaving.killed_at.is_some_and(|at| at <= now) {
                leaving.process.kill();
                leaving.killed_at = None;
                let pid = leaving.process.pid();
                survived(|| tracing::warn!(bus = %self.bus, pid, "a worker process did not end: it was killed"));
            }
            leaving.process.ended().is_none()
        });
    }

    /// Starts what is not running and whose time has come.
    fn start_due(&mut self) {
        if self.stops {
            return;
        }
        for post in &mut self.posts {
            let now = Instant::now();
            if post.running.is_some() || post.due.is_none_or(|due| due > now) {
                continue;
            }
            match Running::start(&self.bus, &mut self.command) {
                Ok(process) => drop(post.fill(process)),
                Err(error) => {
                    let pause = post.put_off(self.pauses.1);
                    survived(|| tracing::error!(bus = %self.bus, "{error}; the next attempt is in {pause:?}"));
                }
            }
        }
    }

    fn show(&self) {
        let state = |post: &Post| ProcessState {
            pid: post.running.as_ref().map(Running::pid),
            starts: post.starts,
            last_end: post.last_end,
        };
        *self.shared.states.lock().unwrap_or_else(PoisonError::into_inner) = self.posts.iter().map(state).collect();
    }
}

/// How a process ended, for people.
fn how(status: Option<ExitStatus>) -> String {
    status.map_or_else(|| "how is not known, since another has waited for it".to_owned(), |status| status.to_string())
}
