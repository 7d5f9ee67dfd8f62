//! Handlers that show what they were asked: paths, queries, headers, state.

use std::collections::HashMap;

use axum_extra::TypedHeader;
use axum_extra::extract::cookie::{Cookie, CookieJar};
use axum_extra::headers::authorization::{Authorization, Bearer};
use axum_extra::headers::{Range, UserAgent};
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use slotbus::response::IntoResponse;
use slotbus::{Extension, MatchedPath, Path, Query, Router, State, handler, routes};
use uuid::Uuid;

use crate::model::{App, Colour, Greeting, Limit, Name, Page, Tags, Tenant, Trouble, listed};

pub(crate) fn paths() -> Router<App> {
    Router::new().routes(routes![item, special, pair, name, file, colour, flag, id, all, map, matched, fallible])
}

#[handler(GET, "/items/{id}")]
async fn item(Path(id): Path<u32>) -> String {
    format!("item {id}")
}

#[handler(GET, "/items/special")]
async fn special() -> &'static str {
    "the special one"
}

#[handler(GET, "/pairs/{a}/{b}")]
async fn pair(Path((a, b)): Path<(String, i64)>) -> String {
    format!("{a:?} {b}")
}

#[handler(GET, "/names/{first}/{last}")]
async fn name(Path(name): Path<Name>) -> String {
    format!("{name:?}")
}

#[handler(GET, "/files/{*path}")]
async fn file(Path(path): Path<String>) -> String {
    format!("{path:?}")
}

#[handler(GET, "/colours/{colour}")]
async fn colour(Path(colour): Path<Colour>) -> String {
    format!("{colour:?}")
}

#[handler(GET, "/flags/{on}")]
async fn flag(Path(on): Path<bool>) -> String {
    on.to_string()
}

#[handler(GET, "/ids/{id}")]
async fn id(Path(id): Path<Uuid>) -> String {
    id.to_string()
}

#[handler(GET, "/all/{a}/{b}/x/{c}")]
async fn all(Path(all): Path<Vec<(String, String)>>) -> String {
    format!("{all:?}")
}

#[handler(GET, "/map/{key}")]
async fn map(Path(map): Path<HashMap<String, String>>) -> String {
    format!("{map:?}")
}

#[handler(GET, "/matched/{a}/{b}")]
async fn matched(path: MatchedPath) -> String {
    path.as_str().to_owned()
}

#[handler(GET, "/result/{n}")]
async fn fallible(Path(n): Path<u32>) -> Result<String, Trouble> {
    match n {
        0..10 => Ok(format!("{n} is there")),
        10 => Err(Trouble::Teapot),
        _ => Err(Trouble::Missing(n)),
    }
}

pub(crate) fn queries() -> Router<App> {
    Router::new().routes(routes![pages, maybe, tags, query, raw_query])
}

#[handler(GET, "/pages")]
async fn pages(Query(page): Query<Page>) -> String {
    format!("{page:?}")
}

#[handler(GET, "/maybe")]
async fn maybe(page: Option<Query<Page>>) -> String {
    format!("{:?}", page.map(|Query(page)| page))
}

#[handler(GET, "/tags")]
async fn tags(Query(tags): Query<Tags>) -> String {
    format!("{tags:?}")
}

#[handler(GET, "/query")]
async fn query(Query(map): Query<HashMap<String, String>>) -> String {
    let mut pairs: Vec<_> = map.into_iter().collect();
    pairs.sort();
    format!("{pairs:?}")
}

#[handler(GET, "/raw-query")]
async fn raw_query(uri: Uri) -> String {
    format!("{:?}", uri.query())
}

pub(crate) fn parts() -> Router<App> {
    Router::new()
        .routes(routes![index, get_echo, post_echo, put_echo, patch_echo, delete_echo, head_echo, options_echo])
        .routes(routes![get_thing, put_thing, patch_thing, delete_thing])
        .routes(routes![state, substate, extension, missing_extension, agent, range, login, cookies])
}

#[handler(GET, "/")]
async fn index() -> &'static str {
    "index"
}

/// A handler for each method: axum's `any`.
macro_rules! echo {
    ($($method:ident $name:ident)*) => {$(
        #[handler($method, "/echo")]
        async fn $name(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> String {
            format!("{method} {uri}\n{}{}", listed(&headers), body.len())
        }
    )*};
}
echo!(GET get_echo POST post_echo PUT put_echo PATCH patch_echo DELETE delete_echo HEAD head_echo OPTIONS options_echo);

#[handler(GET, "/things/{id}")]
async fn get_thing(Path(id): Path<String>) -> String {
    format!("get {id}")
}

#[handler(PUT, "/things/{id}")]
async fn put_thing(Path(id): Path<String>) -> String {
    format!("put {id}")
}

#[handler(PATCH, "/things/{id}")]
async fn patch_thing(Path(id): Path<String>) -> String {
    format!("patch {id}")
}

#[handler(DELETE, "/things/{id}")]
async fn delete_thing(Path(id): Path<String>) -> String {
    format!("delete {id}")
}

#[handler(GET, "/state")]
async fn state(State(app): State<App>) -> String {
    format!("{} {}", app.greeting.0, app.limit.0)
}

#[handler(GET, "/substate")]
async fn substate(State(Greeting(text)): State<Greeting>, State(limit): State<Limit>) -> String {
    format!("{text} {}", limit.0)
}

#[handler(GET, "/extension")]
async fn extension(Extension(tenant): Extension<Tenant>) -> &'static str {
    tenant.0
}

#[handler(GET, "/missing-extension")]
async fn missing_extension(_: Extension<u8>) {}

#[handler(GET, "/agent")]
async fn agent(TypedHeader(agent): TypedHeader<UserAgent>) -> String {
    agent.to_string()
}

#[handler(GET, "/range")]
async fn range(range: Option<TypedHeader<Range>>) -> String {
    format!("{range:?}")
}

#[handler(GET, "/login")]
async fn login(TypedHeader(token): TypedHeader<Authorization<Bearer>>) -> String {
    token.token().to_owned()
}

#[handler(GET, "/cookies")]
async fn cookies(jar: CookieJar) -> impl IntoResponse {
    let mut seen: Vec<_> = jar.iter().map(|cookie| cookie.to_string()).collect();
    seen.sort();
    (jar.add(Cookie::new("new", "1")), seen.join("; "))
}

#[handler(GET, "/")]
pub(super) async fn root() -> &'static str {
    "the root"
}

#[handler(GET, "/users/{id}")]
pub(super) async fn user(Path(id): Path<u64>) -> String {
    format!("user {id}")
}

#[handler(POST, "/users/{id}")]
pub(super) async fn post_user() -> &'static str {
    "posted"
}

#[handler(GET, "/where")]
pub(super) async fn whereabouts(uri: Uri) -> String {
    uri.to_string()
}

#[handler(GET, "/rest/{*rest}")]
pub(super) async fn rest(Path(rest): Path<String>) -> String {
    rest
}

#[handler(GET, "/")]
pub(super) async fn tenant(Path(tenant): Path<String>) -> String {
    tenant
}

#[handler(GET, "/{room}")]
pub(super) async fn room(Path((tenant, room)): Path<(String, u8)>) -> String {
    format!("{tenant:?} {room}")
}
