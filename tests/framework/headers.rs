//! Typed headers, by the `headers` crate.

use http::{HeaderName, HeaderValue, Request};
use slotbus::{
    Body, Router,
    extract::{Header, HeaderError, HeaderRejection},
    handler,
    headers::{self, Authorization, CacheControl, ContentLength, ETag, IfNoneMatch, UserAgent, authorization::Bearer},
    response::{IntoResponse, Refusal},
    routes,
};
use tower::ServiceExt as _;

use super::{get, send};

#[handler(GET, "/token")]
async fn token(Header(Authorization(token)): Header<Authorization<Bearer>>) -> String {
    token.token().to_owned()
}

#[handler(GET, "/length")]
async fn length(length: Option<Header<ContentLength>>) -> String {
    format!("{:?}", length.map(|Header(length)| length.0))
}

#[handler(GET, "/agent")]
async fn agent(agent: Result<Header<UserAgent>, HeaderRejection>) -> String {
    match agent {
        Ok(agent) => agent.to_string(),
        Err(rejection) => match rejection.into_reason() {
            HeaderError::Missing(name) => format!("no {name}"),
            other => other.to_string(),
        },
    }
}

fn app() -> Router {
    Router::new().routes(routes![token, length, agent])
}

fn with(path: &str, name: &str, values: &[&str]) -> Request<Body> {
    let request = values.iter().fold(Request::get(path), |request, value| request.header(name, *value));
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_header_becomes_its_type() {
    send(&app(), with("/token", "authorization", &["Bearer secret"])).await.assert_status(200).assert_text("secret");
    send(&app(), with("/agent", "user-agent", &["me/1"])).await.assert_status(200).assert_text("me/1");
}

#[tokio::test]
async fn a_header_that_is_missing_or_malformed_is_answered_400_with_its_name() {
    let said = get(&app(), "/token").await.assert_problem(400);
    assert_eq!(said, "the header `authorization` is missing");
    let said = send(&app(), with("/token", "authorization", &["Basic eDp5"])).await.assert_problem(400);
    assert_eq!(said, "the header `authorization` is malformed");
}

#[tokio::test]
async fn missing_and_malformed_are_two_reasons() {
    let reason = async |request| {
        let response = app().oneshot(request).await.unwrap();
        let refusal = Refusal::of(response.extensions()).unwrap();
        let reason = refusal.reason::<HeaderError>().unwrap();
        (matches!(reason, HeaderError::Missing(_)), matches!(reason, HeaderError::Malformed { .. }))
    };
    assert_eq!(reason(with("/token", "x", &[])).await, (true, false));
    assert_eq!(reason(with("/token", "authorization", &[""])).await, (false, true));
}

#[tokio::test]
async fn an_optional_header_is_none_when_it_is_missing_and_refused_when_it_is_malformed() {
    get(&app(), "/length").await.assert_status(200).assert_text("None");
    send(&app(), with("/length", "content-length", &["7"])).await.assert_status(200).assert_text("Some(7)");
    let said = send(&app(), with("/length", "content-length", &["x"])).await.assert_problem(400);
    assert_eq!(said, "the header `content-length` is malformed");
}

#[tokio::test]
async fn a_type_that_holds_a_list_may_take_a_missing_header_for_an_empty_one() {
    let cookies = async |cookie: Option<Header<headers::Cookie>>| format!("{:?}", cookie.map(|cookie| cookie.len()));
    let app: Router = Router::new().fallback(cookies);
    get(&app, "/").await.assert_status(200).assert_text("Some(0)");
    send(&app, with("/", "cookie", &["a=1; b=2"])).await.assert_status(200).assert_text("Some(2)");
}

#[tokio::test]
async fn a_header_rejection_can_be_taken_as_a_result() {
    get(&app(), "/agent").await.assert_status(200).assert_text("no user-agent");
}

#[tokio::test]
async fn a_type_is_given_all_headers_of_its_name() {
    #[handler(GET, "/")]
    async fn fresh(Header(seen): Header<IfNoneMatch>) -> String {
        let passes = |tag: &str| seen.precondition_passes(&tag.parse::<ETag>().unwrap());
        format!("{} {} {}", passes("\"a\""), passes("\"b\""), passes("\"c\""))
    }
    let app: Router = Router::new().routes(routes![fresh]);
    send(&app, with("/", "if-none-match", &["\"a\"", "\"b\""]))
        .await
        .assert_status(200)
        .assert_text("false false true");
}

#[tokio::test]
async fn a_header_is_a_part_of_an_answer_and_an_answer() {
    #[handler(GET, "/")]
    async fn part() -> (Header<CacheControl>, Header<ETag>, &'static str) {
        (Header(CacheControl::new().with_no_store()), Header("\"a\"".parse().unwrap()), "body")
    }
    #[handler(GET, "/alone")]
    async fn alone() -> impl IntoResponse {
        Header(CacheControl::new().with_no_store())
    }
    let app: Router = Router::new().routes(routes![part, alone]);
    let answer = get(&app, "/").await;
    answer.assert_status(200).assert_text("body");
    assert_eq!(
        (&answer.headers()["cache-control"], &answer.headers()["etag"]),
        (&"no-store".parse().unwrap(), &"\"a\"".parse().unwrap())
    );
    assert_eq!(get(&app, "/alone").await.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn a_type_of_ones_own_is_a_header() {
    struct Version(u8);
    impl headers::Header for Version {
        fn name() -> &'static HeaderName {
            static NAME: HeaderName = HeaderName::from_static("x-version");
            &NAME
        }

        fn decode<'i, I: Iterator<Item = &'i HeaderValue>>(values: &mut I) -> Result<Self, headers::Error> {
            let value = values.next().and_then(|value| value.to_str().ok()?.parse().ok());
            value.map(Self).ok_or_else(headers::Error::invalid)
        }

        fn encode<E: Extend<HeaderValue>>(&self, values: &mut E) {
            values.extend([u16::from(self.0).into()]);
        }
    }
    let app: Router = Router::new().fallback(async |Header(version): Header<Version>| version.0.to_string());
    send(&app, with("/", "x-version", &["7"])).await.assert_status(200).assert_text("7");
    assert_eq!(
        send(&app, with("/", "x-version", &["x"])).await.assert_problem(400),
        "the header `x-version` is malformed"
    );
}
