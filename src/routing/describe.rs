//! A router as a document describes it.

use super::router::Router;
use crate::{
    handler::{Declaration, Documented},
    openapi::{Described, OpenApi},
};

impl<S> Router<S> {
    /// An OpenAPI 3.1 document of the handlers added so far, with the prefixes they are nested under.
    ///
    /// It says of each what its attribute, its documentation and its types say; see the
    /// guide `guides::openapi` for what becomes what. What is answered by a fallback, a service or a layer is not
    /// in it, and what a [`map_rejection`](Router::map_rejection) would answer is described as the problem it is made of.
    ///
    /// The document is made anew each time, so make it once, before the router is given its state or after.
    pub fn openapi(&self) -> OpenApi {
        let routes =
            self.inner.paths.iter().flat_map(|path| {
                path.methods.iter().map(|(declaration, _)| describe(path.pattern.as_str(), declaration))
            });
        OpenApi::of(&routes.collect::<Vec<_>>())
    }
}

fn describe<'a>(pattern: &'a str, declaration: &'a Declaration) -> Described<'a> {
    let Documented { description, deprecated, signature } = declaration.documented;
    Described {
        method: &declaration.method,
        pattern,
        handler: declaration.handler,
        summary: declaration.summary,
        description,
        deprecated,
        timeout: declaration.options.timeout().is_some(),
        signature,
    }
}
