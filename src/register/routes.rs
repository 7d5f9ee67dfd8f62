//! What is registered of what a service answers.

use std::collections::BTreeSet;

use crate::control::{HubError, PING_PATH, Route};
use crate::http::pattern::Pattern;

/// The routes of a registration: HEAD beside each GET, and the hub's ping. Such a hub takes the first that matches, so those that
/// match less come first.
pub(super) fn list(routes: &[(String, String)], streams: &BTreeSet<String>) -> Result<Vec<Route>, HubError> {
    let streams: BTreeSet<_> = streams.iter().map(|pattern| with_braces(pattern)).collect();
    let get = |path: &str| ("GET".to_owned(), path.to_owned());
    let mut all = BTreeSet::from([get(PING_PATH)]);
    for (method, pattern) in routes {
        let (method, path) = (method.to_ascii_uppercase(), with_braces(pattern));
        if method == "GET" && !streams.contains(&path) {
            all.insert(("HEAD".to_owned(), path.clone()));
        }
        all.insert((method, path));
    }
    if let Some(stream) = streams.iter().find(|stream| !all.contains(&get(stream))) {
        return Err(HubError::Stream(stream.clone()));
    }
    let route = |(method, path)| Route { sse: method == "GET" && streams.contains(&path), method, path };
    let mut list: Vec<_> = all.into_iter().map(route).collect();
    list.sort_by_cached_key(|route| {
        route.path.split('/').map(|part| (breadth(part), part.to_owned())).collect::<Vec<_>>()
    });
    Ok(list)
}

/// How much a part of a pattern matches.
fn breadth(part: &str) -> u8 {
    match part {
        part if part.starts_with("{*") => 3,
        part if part.starts_with('{') && part.ends_with('}') => 2,
        part if part.contains('{') => 1,
        _ => 0,
    }
}

/// `/items/:id` as `/items/{id}`; what is no pattern stays as it is, for the hub to refuse.
fn with_braces(pattern: &str) -> String {
    Pattern::parse(pattern).map_or_else(|_| pattern.to_owned(), |pattern| pattern.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(routes: &[(&str, &str)], streams: &[&str]) -> Result<Vec<String>, HubError> {
        let routes: Vec<_> = routes.iter().map(|&(method, path)| (method.to_owned(), path.to_owned())).collect();
        let streams = streams.iter().map(|&stream| stream.to_owned()).collect();
        let line = |route: Route| format!("{} {}{}", route.method, route.path, if route.sse { " sse" } else { "" });
        Ok(list(&routes, &streams)?.into_iter().map(line).collect())
    }

    #[test]
    fn what_matches_less_comes_first_and_get_brings_head() {
        let routes = [("GET", "/{x}"), ("get", "/~me"), ("POST", "/{*rest}"), ("GET", "/v{n}")];
        let expected = [
            "GET /__ping__",
            "GET /~me",
            "HEAD /~me",
            "GET /v{n}",
            "HEAD /v{n}",
            "GET /{x}",
            "HEAD /{x}",
            "POST /{*rest}",
        ];
        assert_eq!(listed(&routes, &[]).unwrap(), expected);
    }

    #[test]
    fn a_stream_is_a_get_in_either_writing_and_one_without_a_route_is_an_error() {
        let streams = listed(&[("GET", "/events/{id}")], &["/events/:id"]).unwrap();
        assert_eq!(streams, ["GET /__ping__", "GET /events/{id} sse"]);
        let error = listed(&[("POST", "/events/{id}")], &["/events/{id}"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no GET /events/{id} among the routes, which is to be a stream");
    }
}
