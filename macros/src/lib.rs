//! The `#[handler]` attribute of slotbus.
//!
//! Arguments become a `Route`, the function a `Handler`; both are checked, and every mistake is reported at
//! its own token (`mistakes`). Then `expand` writes the code, which names nothing but `::slotbus::`. The function itself is
//! always emitted as it was, mistakes or not.

mod expand;
mod function;
mod mistakes;
mod path;
mod route;

use proc_macro::TokenStream;
use syn::{ItemFn, parse_macro_input};

use crate::{function::Handler, mistakes::Mistakes, route::Route};

/// Makes a function a route: `#[handler(METHOD, "/path/{id}")]`.
///
/// The method is one of GET, POST, PUT, DELETE, PATCH, HEAD and OPTIONS. In the path, `{id}` and `:id` are parameters, and
/// `{*rest}` or `*rest` takes what is left of it.
///
/// The function is async or plain; a plain one runs where the request is received, so it must not block. Its arguments are
/// extractors, of which the last may read the body; its result is anything that implements `IntoResponse`. It stays an
/// ordinary function that tests can call.
///
/// Beside it, a type of the same name carries the route; `slotbus::routes![name]` adds it to a router. A module or type of
/// that name in the same place is therefore an error.
///
/// ```text
/// #[slotbus::handler(GET, "/session/{id}")]
/// async fn session(Path(id): Path<Uuid>, State(db): State<Db>) -> Result<Json<Session>, AppError> {
///     Ok(Json(db.session(id).await?))
/// }
/// ```
#[proc_macro_attribute]
pub fn handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as ItemFn);
    let mut mistakes = Mistakes::default();
    let route = mistakes.note(syn::parse::<Route>(arguments));
    if let Some(route) = &route {
        route.check(&mut mistakes);
    }
    let handler = Handler::new(&item, &mut mistakes);
    expand::expand(&item, route.as_ref(), &handler, mistakes.report()).into()
}
