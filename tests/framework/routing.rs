//! Which handler answers.

use http::{Method, Uri};
use slotbus::{MatchedPath, Path, Router, State, handler, routes};

use super::{call, get, panic_of};

#[handler(GET, "/")]
async fn index() -> &'static str {
    "index"
}

/// Shows a user.
///
/// More about it.
#[handler(GET, "/users/{id}")]
async fn show(Path(id): Path<String>) -> String {
    format!("show {id}")
}

#[handler(DELETE, "/users/:id")]
async fn delete(Path(id): Path<String>) -> String {
    format!("delete {id}")
}

#[handler(GET, "/users/me")]
async fn me() -> &'static str {
    "me"
}

#[handler(GET, "/files/*path")]
async fn file(Path(path): Path<String>) -> String {
    path
}

fn app<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().routes(routes![index, show, delete, me, file])
}

#[tokio::test]
async fn a_request_reaches_the_handler_of_its_method_and_path() {
    let app: Router = app();
    get(&app, "/").await.assert_status(200).assert_text("index");
    get(&app, "/users/7").await.assert_status(200).assert_text("show 7");
    get(&app, "/users/me").await.assert_status(200).assert_text("me");
    get(&app, "/users/7?x=1").await.assert_status(200).assert_text("show 7");
    call(&app, Method::DELETE, "/users/7").await.assert_status(200).assert_text("delete 7");
    get(&app, "/files/a/b.txt").await.assert_status(200).assert_text("a/b.txt");
}

#[tokio::test]
async fn an_unknown_path_is_answered_404() {
    let app: Router = app();
    for path in ["/nothing", "/users", "/users//", "/files/"] {
        get(&app, path).await.assert_problem(404);
    }
}

#[tokio::test]
async fn a_slash_at_the_end_is_another_path() {
    get(&app(), "/users/7/").await.assert_problem(404);
}

#[tokio::test]
async fn a_wrong_method_is_answered_405_with_allow() {
    let app: Router = app();
    let answer = call(&app, Method::POST, "/users/7").await;
    answer.assert_problem(405);
    assert_eq!(answer.headers()["allow"], "GET, DELETE, HEAD");
    let answer = call(&app, Method::from_bytes(b"PROPFIND").unwrap(), "/users/me").await;
    answer.assert_problem(405);
    assert_eq!(answer.headers()["allow"], "GET, HEAD");
}

#[tokio::test]
async fn head_is_answered_by_get_without_its_body() {
    let answer = call(&app(), Method::HEAD, "/users/7").await;
    answer.assert_status(200).assert_text("");
    assert_eq!(answer.headers()["content-length"], "6");
    let missing = call(&app(), Method::HEAD, "/nothing").await;
    missing.assert_status(404).assert_text("");
}

#[tokio::test]
async fn a_handler_for_head_comes_before_get() {
    #[handler(HEAD, "/")]
    async fn head() -> [(&'static str, &'static str); 1] {
        [("x-by", "head")]
    }
    let app: Router = Router::new().routes(routes![index, head]);
    assert_eq!(call(&app, Method::HEAD, "/").await.headers()["x-by"], "head");
    assert_eq!(call(&app, Method::POST, "/").await.headers()["allow"], "GET, HEAD");
}

#[tokio::test]
async fn options_is_answered_only_where_it_is_declared() {
    #[handler(OPTIONS, "/users/me")]
    async fn options() -> &'static str {
        "options"
    }
    call(&app(), Method::OPTIONS, "/users/me").await.assert_problem(405);
    call(&app().routes(routes![options]), Method::OPTIONS, "/users/me").await.assert_status(200).assert_text("options");
}

#[tokio::test]
async fn a_nested_router_answers_below_its_prefix() {
    let app = Router::new().nest("/v1", app());
    get(&app, "/v1/users/7").await.assert_status(200).assert_text("show 7");
    get(&app, "/v1").await.assert_status(200).assert_text("index");
    get(&app, "/v1/").await.assert_problem(404);
    get(&app, "/users/7").await.assert_problem(404);
}

#[tokio::test]
async fn parameters_of_the_prefix_come_first_and_the_path_stays_whole() {
    #[handler(GET, "/users/{id}")]
    async fn both(Path((tenant, id)): Path<(String, u32)>, matched: MatchedPath, uri: Uri) -> String {
        format!("{tenant} {id} {} {uri}", matched.as_str())
    }
    let app: Router = Router::new().nest("/t/:tenant", Router::new().nest("/v1", Router::new().routes(routes![both])));
    get(&app, "/t/acme/v1/users/7")
        .await
        .assert_status(200)
        .assert_text("acme 7 /t/{tenant}/v1/users/{id} /t/acme/v1/users/7");
}

#[tokio::test]
async fn merged_routers_answer_together_even_on_one_path() {
    let app: Router = Router::new().routes(routes![show]).merge(Router::new().routes(routes![delete, index]));
    get(&app, "/users/1").await.assert_status(200).assert_text("show 1");
    call(&app, Method::DELETE, "/users/1").await.assert_status(200).assert_text("delete 1");
    get(&app, "/").await.assert_status(200).assert_text("index");
}

#[tokio::test]
async fn a_fallback_function_answers_unknown_paths_and_knows_the_state() {
    let app = app()
        .fallback(async |State(name): State<&'static str>, method: Method, uri: Uri| format!("{name} {method} {uri}"));
    let app: Router = Router::new().merge(app).with_state("state");
    get(&app, "/nothing").await.assert_status(200).assert_text("state GET /nothing");
    get(&app, "/users/7").await.assert_status(200).assert_text("show 7");
    call(&app, Method::POST, "/users/7").await.assert_problem(405);
}

#[tokio::test]
async fn a_fallback_service_answers_unknown_paths() {
    #[handler(GET, "/inner/{x}")]
    async fn inner(Path(x): Path<u8>) -> String {
        x.to_string()
    }
    let axum = axum::Router::new().route("/axum", axum::routing::get(async || "axum"));
    let inner: Router = Router::new().routes(routes![inner]).fallback_service(axum);
    let app = app().fallback_service(inner);
    get(&app, "/inner/7").await.assert_status(200).assert_text("7");
    get(&app, "/axum").await.assert_status(200).assert_text("axum");
    get(&app, "/users/7").await.assert_status(200).assert_text("show 7");
    get(&app, "/nothing").await.assert_status(404).assert_text("");
}

#[tokio::test]
async fn of_fallbacks_as_deep_the_one_below_fixed_parts_answers_in_whatever_order_they_are_nested() {
    let below = |answer: &'static str| Router::<()>::new().fallback(move || async move { answer });
    let (fixed, any) = (("/a/b", below("fixed")), ("/a/{x}", below("any")));
    for [first, second] in [[fixed.clone(), any.clone()], [any, fixed]] {
        let app = Router::new().nest(first.0, first.1).nest(second.0, second.1);
        get(&app, "/a/b/none").await.assert_text("fixed");
        get(&app, "/a/c/none").await.assert_text("any");
    }
}

#[tokio::test]
async fn the_innermost_fallback_that_covers_the_path_answers() {
    let inner = Router::new().fallback(async || "inner");
    let app: Router = Router::new()
        .nest("/a", Router::new().nest("/{x}", inner).fallback(async || "outer"))
        .nest("/plain", Router::new().routes(routes![index]))
        .fallback(async || "root");
    get(&app, "/a/b/c").await.assert_status(200).assert_text("inner");
    get(&app, "/a/b").await.assert_status(200).assert_text("inner");
    get(&app, "/a").await.assert_status(200).assert_text("outer");
    get(&app, "/a/").await.assert_status(200).assert_text("outer");
    get(&app, "/a//c").await.assert_status(200).assert_text("outer");
    get(&app, "/ab").await.assert_status(200).assert_text("root");
    get(&app, "/plain/x").await.assert_status(200).assert_text("root");
}

#[tokio::test]
async fn a_rest_takes_one_character_or_more() {
    let app: Router = app();
    get(&app, "/files/a").await.assert_status(200).assert_text("a");
    get(&app, "/files/a//b/").await.assert_status(200).assert_text("a//b/");
    get(&app, "/files/").await.assert_problem(404);
    get(&app, "/files").await.assert_problem(404);
}

#[tokio::test]
async fn a_function_answers_methods_without_a_handler_on_paths_added_before_and_after() {
    let app: Router = Router::new()
        .routes(routes![show])
        .method_not_allowed_fallback(async |State(name): State<&'static str>, method: Method, uri: Uri| {
            (http::StatusCode::METHOD_NOT_ALLOWED, format!("{name}: no {method} for {uri}"))
        })
        .routes(routes![file])
        .nest("/nested", Router::new().routes(routes![index]))
        .with_state("state")
        .routes(routes![me]);
    for path in ["/users/7", "/files/a", "/nested", "/users/me"] {
        let answer = call(&app, Method::POST, path).await;
        answer.assert_status(405).assert_text(format!("state: no POST for {path}"));
        assert_eq!(answer.headers()["allow"], "GET, HEAD");
    }
    get(&app, "/users/7").await.assert_status(200).assert_text("show 7");
    get(&app, "/nothing").await.assert_problem(404);
}

#[tokio::test]
async fn allow_is_added_to_answers_of_status_405_that_do_not_have_it() {
    let answered = |status: u16, allow: Option<&'static str>| {
        let app: Router = app().method_not_allowed_fallback(move || async move {
            let status = http::StatusCode::from_u16(status).unwrap();
            (status, slotbus::response::AppendHeaders(allow.map(|allow| ("allow", allow))))
        });
        async move { call(&app, Method::POST, "/users/me").await.headers().get("allow").cloned() }
    };
    assert_eq!(answered(405, None).await.unwrap(), "GET, HEAD");
    assert_eq!(answered(405, Some("PUT")).await.unwrap(), "PUT");
    assert_eq!(answered(404, None).await, None);
}

#[tokio::test]
async fn a_nested_or_merged_router_keeps_its_own_answer_to_other_methods() {
    let with = |answer: &'static str, routes| {
        Router::<()>::new().method_not_allowed_fallback(move || async move { answer }).routes(routes)
    };
    let app =
        with("outer", routes![index]).nest("/v1", with("nested", routes![index])).merge(with("merged", routes![me]));
    call(&app, Method::POST, "/").await.assert_status(200).assert_text("outer");
    call(&app, Method::POST, "/v1").await.assert_status(200).assert_text("nested");
    call(&app, Method::POST, "/users/me").await.assert_status(200).assert_text("merged");
    // On one path that both routers have, the one that asked for an answer of its own gives it.
    let app = Router::new().routes(routes![show]).merge(with("merged", routes![delete]));
    call(&app, Method::POST, "/users/7").await.assert_status(200).assert_text("merged");
}

#[tokio::test]
async fn a_router_extended_after_it_was_used_answers_the_new_paths_too() {
    let app: Router = Router::new().routes(routes![index]);
    get(&app, "/users/7").await.assert_problem(404);
    let more = app.clone().routes(routes![show]);
    get(&more, "/users/7").await.assert_status(200).assert_text("show 7");
    get(&app, "/users/7").await.assert_problem(404);
}

#[test]
fn routes_are_listed_with_their_first_line_of_documentation() {
    let app: Router = Router::new().nest("/v1", Router::new().routes(routes![show, delete]));
    let listed: Vec<_> =
        app.list().map(|route| (route.method.as_str(), route.pattern, route.handler, route.summary)).collect();
    assert_eq!(
        listed,
        [
            ("GET", "/v1/users/{id}", "framework::routing::show", "Shows a user."),
            ("DELETE", "/v1/users/{id}", "framework::routing::delete", ""),
        ]
    );
}

#[test]
fn patterns_in_conflict_panic_with_the_names_of_both_handlers() {
    #[handler(GET, "/users/{name}")]
    async fn other() {}
    let said = panic_of(|| app::<()>().routes(routes![other]));
    for part in ["::other`", "routing::show`", "/users/{name}", "/users/{id}", file!()] {
        assert!(said.contains(part), "{part}: {said}");
    }
    #[handler(GET, "/files/{name}")]
    async fn one_file() {}
    let said = panic_of(|| app::<()>().routes(routes![one_file]));
    for part in ["::one_file`", "routing::file`", "/files/{name}", "/files/{*path}"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn two_handlers_of_one_method_and_pattern_panic_with_both_names() {
    #[handler(GET, "/users/:id")]
    async fn twin() {}
    for said in [
        panic_of(|| app::<()>().routes(routes![twin])),
        panic_of(|| app::<()>().merge(Router::new().routes(routes![twin]))),
        panic_of(|| Router::<()>::new().nest("/v1", app()).nest("/v1", Router::new().routes(routes![twin]))),
    ] {
        assert!(
            said.contains("::twin`") && said.contains("routing::show`") && said.contains("both answer GET"),
            "{said}"
        );
    }
}

#[test]
fn a_prefix_that_is_none_panics() {
    for prefix in ["", "/", "v1", "/v1/", "/{*rest}", "/{", "/a b"] {
        let said = panic_of(|| Router::<()>::new().nest(prefix, Router::new()));
        assert!(said.contains(&format!("`{prefix}`")), "{said}");
    }
    let said = panic_of(|| Router::<()>::new().nest("/{id}", app()));
    assert!(said.contains("`id` appears twice") && said.contains("routing::show`"), "{said}");
}

#[test]
fn two_fallbacks_for_the_same_paths_panic() {
    let with = || Router::<()>::new().fallback(async || ());
    panic_of(|| with().merge(with()));
    panic_of(|| Router::new().nest("/a", with()).nest("/a", with()));
}

#[test]
fn a_router_is_clone_send_and_sync_as_is_its_route() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<Router>();
    check::<Router<String>>();
    check::<slotbus::routing::Route>();
}
