//! The `#[handler]` attribute of slotbus.
//!
//! Arguments become a `Route`, the function a `Handler`; both are checked, and every mistake is reported at
//! its own token (`mistakes`). Then `expand` writes the code, which names nothing but `::slotbus::`. The function itself is
//! always emitted as it was, mistakes or not.

mod arity;
mod expand;
mod function;
mod mistakes;
mod options;
mod path;
mod route;

use proc_macro::TokenStream;
use syn::{ItemFn, parse_macro_input};

use crate::{function::Handler, mistakes::Mistakes, route::Route};

/// Makes a function a route: `#[handler(METHOD, "/path/{id}", option = …)]`.
///
/// The method is one of GET, POST, PUT, DELETE, PATCH, HEAD and OPTIONS. In the path, `{id}` and `:id` are parameters, and
/// `{*rest}` or `*rest` takes what is left of it.
///
/// The function is async or plain; a plain one runs where the request is received, so it must not block. Its arguments are
/// extractors, of which the last may read the body; its result is anything that implements `IntoResponse`. It stays an
/// ordinary function that tests can call, with its documentation.
///
/// Beside it, a type of the same name carries the route; `slotbus::routes![name]` adds it to a router. A module or type of
/// that name in the same place is therefore an error, and a crate of that name is reached there by `::name` only.
///
/// ```text
/// #[slotbus::handler(GET, "/session/{id}")]
/// async fn session(Path(id): Path<Uuid>, State(db): State<Db>) -> Result<Json<Session>, AppError> {
///     Ok(Json(db.session(id).await?))
/// }
/// ```
///
/// The code beside it names the crate as `::slotbus`. Where `Cargo.toml` gives it another name, or a crate of yours re-exports it,
/// `extern crate other_name as slotbus;` in the root of the crate says so.
///
/// # Options
///
/// They follow the path in any order, each at most once.
///
/// | option | value | meaning |
/// | --- | --- | --- |
/// | `timeout` | `"500ms"`, `"2s"`, `"5m"`, `"1h"` | from the first poll until the answer; then the handler is dropped and the answer is 504 |
/// | `body_limit` | `"512B"`, `"64KiB"`, `"10MiB"`, `"1GiB"`, `"10MB"` | how much of a body extractors accept, instead of 2 MiB; beyond it the answer is 413 |
/// | `on_disconnect` | `finish`, `cancel` | whether the handler runs to its end when its caller gives up; `cancel` is the default |
///
/// ```text
/// #[slotbus::handler(POST, "/upload", timeout = "2s", body_limit = "10MiB", on_disconnect = finish)]
/// async fn upload(body: Bytes) -> Result<NoContent, AppError> { … }
/// ```
///
/// The options stand nearest to the handler, inside all layers of its router. So `body_limit` and `on_disconnect` win over a
/// layer that sets the same thing, and over `Serve::body_limit`; of two time-outs the sooner one answers.
///
/// - **`timeout`** is a timer of tokio, set only when the handler is still waiting after its first poll. It covers the
///   extractors that wait, the function and the making of the response, not the sending of a body that is a stream; it cannot
///   interrupt what blocks its thread, as a plain function may. It works under any server, on a tokio runtime with time
///   enabled, and needs the feature `tokio` of `slotbus`: without it the option is an error. The answer is a problem with
///   the id of the request.
/// - **`body_limit`** is axum-core's `DefaultBodyLimit`, so it holds for `Bytes`, `String`, `Json`, `Form` and what is built on
///   them, and not for an argument that takes the body as a stream. A bus carries no body longer than `Serve::message_limit`
///   and its hub's `message_limit`, 64 MiB by default, whatever this says.
/// - **`on_disconnect`** is `slotbus::routing::OnDisconnect` for one handler. Only a bus tells of its callers; under another
///   server it does nothing.
///
/// # Checked at compile time
///
/// The method, the path, the options, the qualifiers of the function, whether the result has its traits, whether the future is
/// `Send`; all mistakes of one handler are reported together. Whether all arguments have their traits is checked where `routes!`
/// lists the handler, and not in a library that lists none.
///
/// A `Path<(A, B)>`, `Path<u32>` or `Path<String>` that takes fewer parameters than the path has is an error as well. One that
/// takes more is not, since the route may be nested under a prefix with parameters of its own, which come first; a router
/// logs what is still wrong then when it is asked for the first time.
#[proc_macro_attribute]
pub fn handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as ItemFn);
    let mut mistakes = Mistakes::default();
    let route = mistakes.note(syn::parse::<Route>(arguments));
    let options = route.as_ref().map(|route| route.check(&mut mistakes)).unwrap_or_default();
    let handler = Handler::new(&item, &mut mistakes);
    if let Some(route) = &route {
        handler.check_parameters(route, &mut mistakes);
    }
    expand::expand(&item, route.as_ref().map(|route| (route, &options)), &handler, mistakes.report()).into()
}
