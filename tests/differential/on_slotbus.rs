//! The application as a user of this crate writes it: its routers. The handlers are in the modules below.

mod answers;
mod asked;
mod bodies;

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use slotbus::{Router, routes};
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::model::{App, Tenant};

/// All of it.
pub(crate) fn app() -> Router {
    Router::new()
        .merge(layered())
        .merge(asked::paths())
        .merge(asked::queries())
        .merge(bodies::bodies())
        .merge(asked::parts())
        .merge(answers::answers())
        .nest("/api", api())
        .nest("/admin", api().fallback(async |method: Method| (StatusCode::GONE, format!("no {method} here"))))
        .nest("/tenants/{tenant}", tenants())
        .layer(tower::util::MapRequestLayer::new(|mut request: http::Request<slotbus::Body>| {
            request.extensions_mut().insert(Tenant("acme"));
            request
        }))
        .with_state(App::new())
}

/// The same, with answers of its own to what is not there.
pub(crate) fn app_with_fallbacks() -> Router {
    app()
        .fallback(async |method: Method, uri: Uri| (StatusCode::NOT_FOUND, format!("{method} {uri} is nowhere")))
        .method_not_allowed_fallback(async |method: Method| {
            (StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not for here"))
        })
}

fn layered() -> Router<App> {
    use answers::{never, now, put_shared, shared, stamped, zip_noise, zip_prose, zip_short};

    let squeezed = Router::new()
        .routes(routes![zip_prose, zip_short, zip_noise])
        .layer(CompressionLayer::new())
        .layer(TraceLayer::new_for_http());
    let limited = Router::new().routes(routes![bodies::limited]).layer(RequestBodyLimitLayer::new(100));
    let within = |time| TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, time);
    let timed = Router::new().routes(routes![now]).layer(within(Duration::from_secs(600)));
    let late = Router::new().routes(routes![never]).route_layer(within(Duration::from_millis(5)));
    let (name, value) = (HeaderName::from_static, HeaderValue::from_static);
    let stamped = Router::new()
        .routes(routes![stamped])
        .layer(SetResponseHeaderLayer::if_not_present(name("x-own"), value("2")))
        .layer(SetResponseHeaderLayer::overriding(name("x-over"), value("2")))
        .layer(SetResponseHeaderLayer::appending(name("x-more"), value("2")));
    let shared = Router::new().routes(routes![shared, put_shared]).layer(CorsLayer::permissive());
    Router::new().merge(squeezed).merge(limited).merge(timed).merge(late).merge(stamped).merge(shared)
}

fn api() -> Router<App> {
    use asked::{post_user, rest, root, user, whereabouts};

    let stamp = (HeaderName::from_static("x-api"), HeaderValue::from_static("1"));
    Router::new()
        .routes(routes![root, user, post_user, whereabouts, rest])
        .layer(SetResponseHeaderLayer::appending(stamp.0, stamp.1))
}

fn tenants() -> Router<App> {
    Router::new().routes(routes![asked::tenant]).nest("/rooms", Router::new().routes(routes![asked::room]))
}
