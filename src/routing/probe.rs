//! A router made of any patterns, for `fuzzing`: what would it choose?

use std::sync::{Arc, Mutex};

use http::Method;

use super::endpoint::{Endpoint, Route};
use super::paths::not_found;
use super::router::Router;
use crate::body::Body;
use crate::handler::Declaration;
use crate::http::context::MatchedRoute;
use crate::http::pattern::Pattern;

/// A pattern that was chosen, the path that it was chosen for, and the parameters.
pub(crate) type Chosen = (Arc<Pattern>, String, Vec<(String, String)>);

/// The pattern that a router of `patterns` chooses for a request, the path that it chose it for, and the parameters that the
/// tree of patterns took out of it. Patterns that are in conflict with former ones are left out.
pub(crate) fn chosen(patterns: &[Pattern], mut request: http::Request<Body>) -> Option<Chosen> {
    let path = request.uri().path().to_owned();
    let mut tree = matchit::Router::new();
    let mut inner = Arc::into_inner(Router::<()>::new().inner).expect("nobody shares a new router");
    let noted = Arc::new(Mutex::new(None));
    for (i, pattern) in patterns.iter().enumerate() {
        if tree.insert(pattern.as_str(), i).is_ok() {
            let noted = Arc::clone(&noted);
            let note = Route::new(move |request| {
                let pattern = MatchedRoute::find(request.extensions()).map(|route| Arc::clone(route.pattern()));
                *noted.lock().expect("nobody panics with it") = pattern;
                not_found(request)
            });
            let declaration = Declaration::new(Method::GET, "", "probe", (file!(), line!()));
            inner.add(pattern.as_str(), declaration, Endpoint::Bound(note), None);
        }
    }
    drop(inner.answer(&mut request));
    let chosen = noted.lock().expect("nobody panics with it").take();
    let found = tree.at(&path).ok();
    assert_eq!(
        found.as_ref().map(|found| patterns[*found.value].as_str()),
        chosen.as_ref().map(|pattern| pattern.as_str()),
        "the router asks a tree like this one"
    );
    let params = found?.params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some((chosen?, path, params))
}
