//! `#[handler]` on functions of all sorts.

use std::sync::{Arc, OnceLock};

use http::{HeaderMap, HeaderName, Method, Request};
use slotbus::{Body, Json, Path, Query, Router, State, extract::FromRef, handler, routes};

use super::{call, get, post, send};

#[tokio::test]
async fn a_handler_stays_a_function() {
    #[handler(GET, "/{id}")]
    async fn asynchronous(Path(id): Path<u32>) -> String {
        (id + 1).to_string()
    }
    #[handler(GET, "/")]
    fn plain() -> &'static str {
        "plain"
    }
    assert_eq!(asynchronous(Path(1)).await, "2");
    assert_eq!(plain(), "plain");
}

#[tokio::test]
async fn plain_functions_are_handlers_with_and_without_arguments() {
    #[handler(GET, "/")]
    fn nothing() -> &'static str {
        "nothing"
    }
    #[handler(POST, "/")]
    fn echo(method: Method, body: String) -> String {
        format!("{method} {body}")
    }
    let app: Router = Router::new().routes(routes![nothing, echo]);
    get(&app, "/").await.assert_status(200).assert_text("nothing");
    post(&app, "/", "text/plain", "body").await.assert_status(200).assert_text("POST body");
}

/// Tells in how many places it is held.
#[derive(Clone, Default)]
struct Held(Arc<()>);

impl Held {
    fn places(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

#[tokio::test]
async fn what_a_request_holds_is_let_go_before_the_function_runs() {
    // One argument or two, and of the last ones one needs the head, one a certain state, one the body.
    #[handler(POST, "/{n}")]
    async fn head(State(held): State<Held>, Path(n): Path<usize>) -> String {
        format!("{n}: {}", held.places())
    }
    #[handler(POST, "/state")]
    async fn state(State(held): State<Held>) -> String {
        held.places().to_string()
    }
    #[handler(POST, "/body")]
    async fn body(State(held): State<Held>, body: String) -> String {
        format!("{body}: {}", held.places())
    }
    #[handler(POST, "/plain/{n}")]
    fn plain_head(State(held): State<Held>, Path(n): Path<usize>) -> String {
        format!("{n}: {}", held.places())
    }
    #[handler(POST, "/plain/state")]
    fn plain_state(State(held): State<Held>) -> String {
        held.places().to_string()
    }
    #[handler(POST, "/plain/body")]
    fn plain_body(State(held): State<Held>, body: String) -> String {
        format!("{body}: {}", held.places())
    }
    static PLACES: OnceLock<Held> = OnceLock::new();
    #[handler(POST, "/plain/none")]
    fn plain_none() -> String {
        PLACES.get().expect("it is set below").places().to_string()
    }
    let held = PLACES.get_or_init(Held::default);
    let app = Router::new()
        .routes(routes![head, state, body, plain_head, plain_state, plain_body, plain_none])
        .with_state(held.clone());
    // The table is made, with the state, by the first request.
    get(&app, "/none").await.assert_status(405);
    // This one, the router's, and the argument. Twice, since a request leaves its room to the next one that finds none.
    let asynchronous = [("/7", "7: 3"), ("/state", "3"), ("/body", "text: 3")];
    let plain = [("/plain/7", "7: 3"), ("/plain/state", "3"), ("/plain/body", "text: 3"), ("/plain/none", "2")];
    for (path, answer) in [&asynchronous[..], &plain, &plain].concat() {
        let mut request = Request::post(path).body(Body::from("text")).unwrap();
        request.extensions_mut().insert(held.clone());
        send(&app, request).await.assert_status(200).assert_text(answer);
    }
}

mod elsewhere {
    #[slotbus::handler(GET, "/elsewhere")]
    pub(super) async fn public() -> &'static str {
        private()
    }

    #[slotbus::handler(GET, "/private")]
    fn private() -> &'static str {
        "elsewhere"
    }

    pub(super) mod deeper {
        #[slotbus::handler(GET, "/deeper")]
        pub(in super::super) async fn restricted() -> &'static str {
            "deeper"
        }
    }

    pub(super) fn routes() -> slotbus::Router {
        slotbus::Router::new().routes(slotbus::routes![private])
    }
}

#[tokio::test]
async fn handlers_are_named_through_modules_and_under_other_names() {
    use elsewhere::{deeper::restricted, public as renamed};
    let app = elsewhere::routes().routes(routes![renamed, restricted]);
    for path in ["/elsewhere", "/private"] {
        get(&app, path).await.assert_status(200).assert_text("elsewhere");
    }
    get(&app, "/deeper").await.assert_status(200).assert_text("deeper");
    assert_eq!(renamed().await, "elsewhere");
}

#[tokio::test]
async fn results_and_errors_of_ones_own_are_answers() {
    struct Teapot;
    impl slotbus::response::IntoResponse for Teapot {
        fn into_response(self) -> slotbus::response::Response {
            (http::StatusCode::IM_A_TEAPOT, "teapot").into_response()
        }
    }
    #[handler(GET, "/{n}")]
    async fn even(Path(n): Path<u32>) -> Result<Json<u32>, Teapot> {
        if n % 2 == 0 { Ok(Json(n)) } else { Err(Teapot) }
    }
    #[handler(GET, "/")]
    async fn opaque() -> impl slotbus::response::IntoResponse {
        [("x-a", "b")]
    }
    let app: Router = Router::new().routes(routes![even, opaque]);
    get(&app, "/2").await.assert_status(200).assert_text("2");
    get(&app, "/3").await.assert_status(418).assert_text("teapot");
    assert_eq!(get(&app, "/").await.headers()["x-a"], "b");
}

#[tokio::test]
async fn state_reaches_handlers_whole_and_in_parts() {
    #[derive(Clone)]
    struct App {
        name: String,
        limit: usize,
    }
    impl FromRef<App> for usize {
        fn from_ref(app: &App) -> Self {
            app.limit
        }
    }
    #[handler(GET, "/whole")]
    async fn whole(State(app): State<App>) -> String {
        app.name
    }
    #[handler(GET, "/part")]
    async fn part(State(limit): State<usize>, headers: HeaderMap) -> String {
        format!("{limit} {}", headers.len())
    }
    #[handler(GET, "/other")]
    async fn other(State(other): State<char>) -> String {
        other.to_string()
    }
    let app: Router = Router::new()
        .routes(routes![whole, part])
        .with_state(App { name: "app".into(), limit: 7 })
        .merge(Router::new().routes(routes![other]).with_state('x'));
    get(&app, "/whole").await.assert_status(200).assert_text("app");
    get(&app, "/part").await.assert_status(200).assert_text("7 0");
    get(&app, "/other").await.assert_status(200).assert_text("x");
}

/// Types whose names the generated code must not capture.
#[tokio::test]
async fn names_of_the_generated_code_do_not_clash_with_those_of_the_user() {
    #[allow(dead_code)]
    struct S;
    type M = Method;
    #[allow(non_snake_case)]
    #[handler(GET, "/{state}")]
    async fn request(Path(state): Path<String>, parts: M, Query(body): Query<Vec<(String, String)>>) -> String {
        format!("{state} {parts} {}", body.len())
    }
    let app: Router = Router::new().routes(routes![request]);
    get(&app, "/x?a=b").await.assert_status(200).assert_text("x GET 1");
}

#[tokio::test]
async fn every_method_of_the_bus_can_be_declared() {
    macro_rules! echo {
        ($($name:ident $method:ident)*) => {
            $(#[handler($method, "/")] async fn $name() -> [(HeaderName, &'static str); 1] {
                [(HeaderName::from_static("x-method"), stringify!($method))]
            })*
            let app: Router = Router::new().routes(routes![$($name),*]);
            $(assert_eq!(call(&app, Method::$method, "/").await.headers()["x-method"], stringify!($method));)*
        };
    }
    echo! { get_ GET post_ POST put PUT delete DELETE patch PATCH head HEAD options OPTIONS }
}

#[tokio::test]
async fn a_handler_that_is_configured_away_leaves_nothing_behind() {
    #[handler(GET, "/")]
    #[cfg(any())]
    async fn gone() -> NoSuchType {}
    #[handler(GET, "/")]
    async fn gone() -> &'static str {
        "here"
    }
    let app: Router = Router::new().routes(routes![gone]);
    get(&app, "/").await.assert_status(200).assert_text("here");
}

#[tokio::test]
async fn raw_names_are_names() {
    #[handler(GET, "/")]
    async fn r#match() -> &'static str {
        "raw"
    }
    let app: Router = Router::new().routes(routes![r#match]);
    get(&app, "/").await.assert_status(200).assert_text("raw");
    assert!(app.list().next().unwrap().handler.ends_with("::match"));
}
