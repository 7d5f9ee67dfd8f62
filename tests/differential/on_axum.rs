//! The application as a user of axum writes it.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Extension, Form, MatchedPath, OriginalUri, Path, Query, RawQuery, State};
use axum::response::{AppendHeaders, Html, IntoResponse, NoContent, Redirect, Response};
use axum::routing::{any, delete, get, head, options, post};
use axum::{Json, Router};
use axum_extra::TypedHeader;
use axum_extra::extract::cookie::{Cookie, CookieJar};
use axum_extra::extract::{OptionalQuery, Query as ExtraQuery};
use axum_extra::headers::authorization::{Authorization, Bearer};
use axum_extra::headers::{Range, UserAgent};
use futures::stream;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use uuid::Uuid;

use crate::model::{App, Colour, Greeting, Limit, Name, Page, Person, Tags, Tenant, Trouble, listed, noise, prose};

/// All of it.
pub(crate) fn app() -> Router {
    Router::new()
        // First, as the 404 of axum has the layers of the router that is merged last.
        .merge(layered())
        .merge(paths())
        .merge(queries())
        .merge(bodies())
        .merge(parts())
        .merge(answers())
        .nest("/api", api())
        .nest("/admin", api().fallback(|method: Method| async move { (StatusCode::GONE, format!("no {method} here")) }))
        .nest("/tenants/{tenant}", tenants())
        .layer(Extension(Tenant("acme")))
        .with_state(App::new())
}

/// The same, with answers of its own to what is not there.
pub(crate) fn app_with_fallbacks() -> Router {
    app()
        .fallback(
            |method: Method, uri: Uri| async move { (StatusCode::NOT_FOUND, format!("{method} {uri} is nowhere")) },
        )
        .method_not_allowed_fallback(|method: Method| async move {
            (StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not for here"))
        })
}

fn paths() -> Router<App> {
    Router::new()
        .route("/items/{id}", get(|Path(id): Path<u32>| async move { format!("item {id}") }))
        .route("/items/special", get(|| async { "the special one" }))
        .route("/pairs/{a}/{b}", get(|Path((a, b)): Path<(String, i64)>| async move { format!("{a:?} {b}") }))
        .route("/names/{first}/{last}", get(|Path(name): Path<Name>| async move { format!("{name:?}") }))
        .route("/files/{*path}", get(|Path(path): Path<String>| async move { format!("{path:?}") }))
        .route("/colours/{colour}", get(|Path(colour): Path<Colour>| async move { format!("{colour:?}") }))
        .route("/flags/{on}", get(|Path(on): Path<bool>| async move { on.to_string() }))
        .route("/ids/{id}", get(|Path(id): Path<Uuid>| async move { id.to_string() }))
        .route("/all/{a}/{b}/x/{c}", get(|Path(all): Path<Vec<(String, String)>>| async move { format!("{all:?}") }))
        .route("/map/{key}", get(|Path(map): Path<HashMap<String, String>>| async move { format!("{map:?}") }))
        .route("/matched/{a}/{b}", get(|path: MatchedPath| async move { path.as_str().to_owned() }))
        .route(
            "/result/{n}",
            get(|Path(n): Path<u32>| async move {
                match n {
                    0..10 => Ok(format!("{n} is there")),
                    10 => Err(Trouble::Teapot),
                    _ => Err(Trouble::Missing(n)),
                }
            }),
        )
}

fn queries() -> Router<App> {
    Router::new()
        .route("/pages", get(|Query(page): Query<Page>| async move { format!("{page:?}") }))
        .route("/maybe", get(|OptionalQuery(page): OptionalQuery<Page>| async move { format!("{page:?}") }))
        .route("/tags", get(|ExtraQuery(tags): ExtraQuery<Tags>| async move { format!("{tags:?}") }))
        .route("/query", get(|Query(map): Query<HashMap<String, String>>| async move { format!("{:?}", sorted(map)) }))
        .route("/raw-query", get(|RawQuery(query): RawQuery| async move { format!("{query:?}") }))
}

fn sorted(map: HashMap<String, String>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = map.into_iter().collect();
    pairs.sort();
    pairs
}

fn bodies() -> Router<App> {
    let form = |Form(person): Form<Person>| async move { format!("{person:?}") };
    Router::new()
        .route("/form", get(form).post(form))
        .route("/json", post(|Json(person): Json<Person>| async move { (StatusCode::CREATED, Json(person)) }))
        .route("/json/maybe", post(|person: Option<Json<Person>>| async move { format!("{person:?}") }))
        .route(
            "/json/small",
            post(|Json(person): Json<Person>| async move { Json(person) }).layer(DefaultBodyLimit::max(64)),
        )
        .route(
            "/json/result",
            post(|person: Result<Json<Person>, JsonRejection>| async move {
                match person {
                    Ok(Json(person)) => (StatusCode::OK, person.name),
                    Err(rejection) => (rejection.status(), "no person".to_owned()),
                }
            }),
        )
        .route(
            "/bytes",
            post(|body: Bytes| async move { body }).put(|body: Bytes| async move { body.len().to_string() }),
        )
        .route("/text", post(|body: String| async move { body }))
        .route("/raw", any(|body: Body| async move { Response::new(body) }))
}

fn parts() -> Router<App> {
    let echo = |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
        format!("{method} {uri}\n{}{}", listed(&headers), body.len())
    };
    let every = |verb: &'static str| move |Path(id): Path<String>| async move { format!("{verb} {id}") };
    Router::new()
        .route("/", get(|| async { "index" }))
        .route("/echo", any(echo))
        .route("/things/{id}", get(every("get")).put(every("put")).patch(every("patch")).delete(every("delete")))
        .route("/state", get(|State(app): State<App>| async move { format!("{} {}", app.greeting.0, app.limit.0) }))
        .route(
            "/substate",
            get(|State(Greeting(text)): State<Greeting>, State(limit): State<Limit>| async move {
                format!("{text} {}", limit.0)
            }),
        )
        .route("/extension", get(|Extension(tenant): Extension<Tenant>| async move { tenant.0 }))
        .route("/missing-extension", get(|_: Extension<u8>| async {}))
        .route("/agent", get(|TypedHeader(agent): TypedHeader<UserAgent>| async move { agent.to_string() }))
        .route("/range", get(|range: Option<TypedHeader<Range>>| async move { format!("{range:?}") }))
        .route(
            "/login",
            get(|TypedHeader(token): TypedHeader<Authorization<Bearer>>| async move { token.token().to_owned() }),
        )
        .route(
            "/cookies",
            get(|jar: CookieJar| async move {
                let mut seen: Vec<_> = jar.iter().map(|cookie| cookie.to_string()).collect();
                seen.sort();
                (jar.add(Cookie::new("new", "1")), seen.join("; "))
            }),
        )
}

fn answers() -> Router<App> {
    Router::new()
        .route("/go/see-other", post(|| async { Redirect::to("/items/1") }))
        .route("/go/temporary", get(|| async { Redirect::temporary("/items/1?a=b") }))
        .route("/go/permanent", get(|| async { Redirect::permanent("https://example.org/") }))
        .route("/go/by-hand", get(|| async { (StatusCode::FOUND, [(LOCATION, "/")]) }))
        .route(
            "/tuple",
            get(|| async {
                (
                    StatusCode::ACCEPTED,
                    [("x-a", "1"), ("x-b", "ä")],
                    AppendHeaders([("x-a", "2"), ("x-a", "3")]),
                    "a tuple",
                )
            }),
        )
        .route("/html", get(|| async { Html("<p>hello</p>") }))
        .route("/nothing", delete(|| async { NoContent }).get(|| async {}))
        .route(
            "/nothing/with-headers",
            get(|| async { (StatusCode::NO_CONTENT, [("x-a", "1"), ("content-type", "a/b")]) }),
        )
        .route("/nothing/with-body", get(|| async { (StatusCode::NO_CONTENT, "a body that must not go") }))
        .route(
            "/etag",
            get(|headers: HeaderMap| async move {
                match headers.get(IF_NONE_MATCH) {
                    Some(tag) if tag == "\"v1\"" => (StatusCode::NOT_MODIFIED, [(ETAG, "\"v1\"")], "").into_response(),
                    _ => ([(ETAG, "\"v1\"")], "the text").into_response(),
                }
            }),
        )
        .route(
            "/status/{code}",
            get(|Path(code): Path<u16>| async move {
                StatusCode::from_u16(code).map(|status| (status, "a body")).map_err(|_| StatusCode::BAD_REQUEST)
            }),
        )
        .route(
            "/stream/{n}",
            get(|Path(n): Path<u8>| async move {
                let parts = (0..n).map(|i| Ok::<_, std::io::Error>(format!("part {i};")));
                ([(CONTENT_TYPE, "text/x-parts")], Body::from_stream(stream::iter(parts)))
            }),
        )
        .route("/large/{len}", get(|Path(len): Path<u32>| async move { noise(len.min(400_000) as usize) }))
        .route(
            "/set-cookies",
            get(|| async {
                let mut response = "many".into_response();
                for cookie in ["a=1", "b=2; HttpOnly", "a=3"] {
                    response.headers_mut().append(SET_COOKIE, HeaderValue::from_static(cookie));
                }
                response
            }),
        )
        .route("/hops", get(|| async { ([("keep-alive", "timeout=5"), ("x-kept", "1"), ("date", "then")], "hops") }))
        .route("/two-types", get(|| async { (AppendHeaders([(CONTENT_TYPE, "a/b"), (CONTENT_TYPE, "c/d")]), ()) }))
        .route("/heads", head(|| async { [("x-head", "1")] }).get(|| async { ([("x-head", "0")], "got") }))
        .route("/choices", options(|| async { [("allow", "GET, OPTIONS")] }).get(|| async { "chosen" }))
}

fn layered() -> Router<App> {
    let squeezed = Router::new()
        .route("/zip/prose", get(|| async { prose(2000) }))
        .route("/zip/short", get(|| async { "short" }))
        .route("/zip/noise", get(|| async { ([(CONTENT_TYPE, "application/octet-stream")], noise(100_000)) }))
        .layer(CompressionLayer::new())
        .layer(TraceLayer::new_for_http());
    let limited = Router::new()
        .route("/limited", post(|body: Bytes| async move { body.len().to_string() }))
        .layer(RequestBodyLimitLayer::new(100));
    let within = |time| TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, time);
    let timed = Router::new().route("/timed/now", get(|| async { "now" })).layer(within(Duration::from_secs(600)));
    let late = Router::new()
        .route("/timed/never", get(|| async { std::future::pending::<()>().await }))
        .route_layer(within(Duration::from_millis(5)));
    let value = HeaderValue::from_static;
    let stamped = Router::new()
        .route("/stamped", get(|| async { ([("x-own", "1"), ("x-over", "1"), ("x-more", "1")], "stamped") }))
        .layer(SetResponseHeaderLayer::if_not_present(http::HeaderName::from_static("x-own"), value("2")))
        .layer(SetResponseHeaderLayer::overriding(http::HeaderName::from_static("x-over"), value("2")))
        .layer(SetResponseHeaderLayer::appending(http::HeaderName::from_static("x-more"), value("2")));
    let shared = Router::new()
        .route("/shared", get(|| async { "shared" }).put(|| async { "put" }))
        .layer(CorsLayer::permissive());
    Router::new().merge(squeezed).merge(limited).merge(timed).merge(late).merge(stamped).merge(shared)
}

fn api() -> Router<App> {
    Router::new()
        .route("/", get(|| async { "the root" }))
        .route(
            "/users/{id}",
            get(|Path(id): Path<u64>| async move { format!("user {id}") }).post(|| async { "posted" }),
        )
        .route("/where", get(|OriginalUri(uri): OriginalUri| async move { uri.to_string() }))
        .route("/rest/{*rest}", get(|Path(rest): Path<String>| async move { rest }))
        .layer(SetResponseHeaderLayer::appending(http::HeaderName::from_static("x-api"), HeaderValue::from_static("1")))
}

fn tenants() -> Router<App> {
    let rooms = Router::new()
        .route("/{room}", get(|Path((tenant, room)): Path<(String, u8)>| async move { format!("{tenant:?} {room}") }));
    Router::new().route("/", get(|Path(tenant): Path<String>| async move { tenant })).nest("/rooms", rooms)
}
