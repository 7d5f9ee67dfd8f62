//! Routers in routers: what the inner one sees of the prefix, and what the outer one leaves of its answers.

use http::{Method, Request};
use slotbus::{Body, MatchedPath, Path, Router, handler, routes};

use super::{get, panic_of, send};

#[tokio::test]
async fn a_fallback_has_the_parameters_of_the_prefix_it_is_nested_under_and_no_route() {
    async fn missing(Path((tenant, unit)): Path<(String, u8)>, route: Option<MatchedPath>) -> String {
        assert!(route.is_none());
        format!("{tenant} has no such thing in {unit}")
    }
    #[handler(GET, "/there")]
    async fn there(route: MatchedPath) -> String {
        route.as_str().to_owned()
    }
    let unit = Router::new().routes(routes![there]).fallback(missing);
    let app: Router = Router::new().nest("/tenants/{tenant}", Router::new().nest("/units/{unit}", unit));
    get(&app, "/tenants/a%20b/units/7/none/of/it").await.assert_status(200).assert_text("a b has no such thing in 7");
    get(&app, "/tenants/a/units/7").await.assert_status(200).assert_text("a has no such thing in 7");
    get(&app, "/tenants/a/units/x/none").await.assert_problem(400);
    get(&app, "/tenants/a/units/7/there").await.assert_text("/tenants/{tenant}/units/{unit}/there");
    get(&app, "/tenants/a").await.assert_problem(404);
    // A router within, which knows nothing of the prefix, is asked about the whole path.
    let plain: Router = Router::new().fallback(async |path: Option<Path<String>>| path.is_none().to_string());
    let app: Router = Router::new().nest("/tenants/{tenant}", Router::new().fallback_service(plain));
    get(&app, "/tenants/a/none").await.assert_text("true");
}

#[tokio::test]
async fn head_is_told_no_length_of_a_body_that_a_router_within_has_left_out() {
    #[handler(GET, "/stream")]
    async fn stream() -> Body {
        Body::from_stream(futures::stream::iter([Ok::<_, std::io::Error>("some bytes")]))
    }
    #[handler(GET, "/text")]
    async fn text() -> &'static str {
        "some bytes"
    }
    let within: Router = Router::new().routes(routes![stream, text]);
    let app: Router = Router::new().fallback_service(Router::new().fallback_service(within));
    let head = |path: &str| Request::builder().method(Method::HEAD).uri(path).body(Body::empty()).unwrap();
    let answer = send(&app, head("/stream")).await;
    answer.assert_status(200).assert_text("");
    assert!(!answer.headers().contains_key("content-length"), "{:?}", answer.headers());
    assert_eq!(send(&app, head("/text")).await.headers()["content-length"], "10");
}

#[test]
fn fallbacks_for_the_same_paths_panic_whatever_their_parameters_are_called() {
    let with = || Router::<()>::new().fallback(async || ());
    let said = panic_of(|| Router::new().nest("/t/{a}", with()).nest("/t/{b}", with()));
    assert!(said.contains("`/t/{a}` and `/t/{b}`"), "{said}");
    let _ = Router::new().nest("/t/{a}", with()).nest("/t/{a}/{b}", with()).nest("/{t}/a", with());
}

#[test]
fn a_conflict_names_the_handler_that_it_is_with() {
    #[handler(GET, "/users")]
    async fn innocent() {}
    #[handler(GET, "/{a}.png")]
    async fn picture() {}
    #[handler(GET, "/x-{b}")]
    async fn extra() {}
    let said = panic_of(|| Router::<()>::new().routes(routes![innocent, picture, extra]));
    for part in ["::extra`", "::picture`", "`/x-{b}`", "`/{a}.png`"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("innocent"), "{said}");
}
