//! `Router::openapi`: what a document says of a router, and that it is one.
#![cfg(all(feature = "openapi", feature = "macros", feature = "tokio"))]

mod golden;
mod operations;
mod parameters;
mod bodies;
mod answers;
mod schemas;
mod document;
mod opaque;
mod validator;
#[cfg(feature = "headers")]
mod headers;

use serde_json::Value;
use slotbus::{Router, routing::Routes};

/// The document of a router with these handlers.
fn document(routes: Routes<()>) -> Value {
    Router::new().routes(routes).openapi().as_json().clone()
}

/// The only operation of a document.
fn operation(routes: Routes<()>) -> Value {
    let document = document(routes);
    let item = document["paths"].as_object().unwrap().values().next().unwrap();
    item.as_object().unwrap().values().next().unwrap().clone()
}

/// A router with each of these under a prefix of its own.
fn each<const N: usize>(all: [Routes<()>; N]) -> Router {
    let numbered = all.into_iter().enumerate();
    numbered.fold(Router::new(), |app, (i, routes)| app.nest(&format!("/{i}"), Router::new().routes(routes)))
}

/// The statuses an operation is answered with.
fn statuses(operation: &Value) -> Vec<&str> {
    operation["responses"].as_object().unwrap().keys().map(String::as_str).collect()
}
