//! Which worker answers which path: the routes of all workers in one tree, made anew when one registers.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderValue, Method};

use super::worker::Worker;
use crate::http::pattern::Pattern;

/// The routes of all workers. Parameters have no names in the tree, so workers may name them differently.
#[derive(Debug, Default)]
pub(super) struct Table {
    tree: matchit::Router<usize>,
    paths: Vec<Vec<Arc<Target>>>,
    /// The paths by their pattern without names.
    known: HashMap<String, usize>,
}

/// One route of one worker.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) worker: Arc<Worker>,
    pub(super) method: Method,
    /// The pattern as it was registered: published workers compare it letter by letter.
    pub(super) registered: String,
    pub(super) pattern: Pattern,
    /// Whether the gateway holds the client's connection and the worker is told of its coming and going.
    pub(super) sse: bool,
}

/// What a table has for a request.
#[derive(Debug)]
pub(super) enum Found {
    /// A route of the method, or that of GET for a HEAD that nobody has registered.
    Target(Arc<Target>),
    /// Other methods, as `Allow` names them.
    OtherMethods(HeaderValue),
    Nothing,
}

/// Another route that some paths could mean as well.
#[derive(Debug, thiserror::Error)]
#[error("{method} {pattern} could be meant where {other} of {worker} is: one of them has to go")]
pub(super) struct Conflict {
    method: Method,
    pattern: String,
    other: String,
    worker: String,
}

impl Table {
    /// Adds a route.
    pub(super) fn add(&mut self, target: Arc<Target>) -> Result<(), Conflict> {
        let conflict = |other: &Target| Conflict {
            method: target.method.clone(),
            pattern: target.registered.clone(),
            other: format!("{} {}", other.method, other.registered),
            worker: other.worker.name().to_owned(),
        };
        let nameless = target.pattern.nameless();
        if let Some(&path) = self.known.get(&nameless) {
            if let Some(other) = self.paths[path].iter().find(|other| other.method == target.method) {
                return Err(conflict(other));
            }
            self.paths[path].push(target);
            return Ok(());
        }
        match self.tree.insert(nameless.clone(), self.paths.len()) {
            Ok(()) => {}
            Err(matchit::InsertError::Conflict { with }) if self.known.contains_key(&with) => {
                return Err(conflict(&self.paths[self.known[&with]][0]));
            }
            Err(error) => {
                return Err(Conflict {
                    method: target.method.clone(),
                    pattern: target.registered.clone(),
                    other: error.to_string(),
                    worker: target.worker.name().to_owned(),
                });
            }
        }
        self.known.insert(nameless, self.paths.len());
        self.paths.push(vec![target]);
        Ok(())
    }

    /// Whether no worker has registered anything.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Looks a request up.
    pub(super) fn find(&self, method: &Method, path: &str) -> Found {
        let Ok(matched) = self.tree.at(path) else { return Found::Nothing };
        let targets = &self.paths[*matched.value];
        let of = |method: &Method| targets.iter().find(|target| target.method == *method);
        let found = of(method).or_else(|| if *method == Method::HEAD { of(&Method::GET) } else { None });
        match found {
            Some(target) => Found::Target(Arc::clone(target)),
            None => {
                let mut names: Vec<_> = targets.iter().map(|target| target.method.as_str()).collect();
                if of(&Method::GET).is_some() && of(&Method::HEAD).is_none() {
                    names.push(Method::HEAD.as_str());
                }
                let names = HeaderValue::try_from(names.join(", ")).expect("method names are visible ascii");
                Found::OtherMethods(names)
            }
        }
    }
}
