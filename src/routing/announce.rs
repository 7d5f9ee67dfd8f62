//! What a router logs when it is asked first.

use super::{
    declared::{Place, lines},
    paths::Inner,
};

/// Logs the routes, a line for each, and what is wrong with them that nobody could know before.
pub(super) fn announce(inner: &Inner<()>) {
    if tracing::enabled!(tracing::Level::INFO) {
        let routes: Vec<_> = inner.list().collect();
        for line in lines(&routes) {
            tracing::info!("{line}");
        }
    }
    for path in &inner.paths {
        let has = path.pattern.names().count();
        for (declaration, _) in &path.methods {
            if let Some(takes) = declaration.parameters.filter(|&takes| takes != has) {
                tracing::error!(
                    "{} takes {takes} parameters, and `{}` has {has}: its `Path` is always refused",
                    Place(declaration),
                    path.pattern.as_str()
                );
            }
        }
    }
}
