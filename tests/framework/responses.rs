//! What handlers can answer.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use slotbus::{
    Body, Json, Router, handler,
    response::{
        AppendHeaders, BodyWriter, Html, IntoResponse, IntoResponseParts, NoContent, Problem, Response, ResponseParts,
        Result as AnyError,
    },
    routes,
};

use slotbus::testing::TestResponse;

use super::get;

/// The answer of a handler that returns `answer`.
async fn answer<R: IntoResponse + Clone + Send + Sync + 'static>(answer: R) -> TestResponse {
    let app: Router = Router::new().fallback(move || std::future::ready(answer.clone()));
    get(&app, "/").await
}

fn content_type(answer: &TestResponse) -> &str {
    answer.headers().get("content-type").map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_sort_of_text_and_bytes_is_an_answer_with_its_content_type() {
    const TEXT: &str = "text/plain; charset=utf-8";
    const BYTES: &str = "application/octet-stream";
    let checked = [
        (answer("text").await, TEXT),
        (answer("text".to_owned()).await, TEXT),
        (answer(Cow::Borrowed("text")).await, TEXT),
        (answer(Box::<str>::from("text")).await, TEXT),
        (answer(Bytes::from("text")).await, BYTES),
        (answer(BytesMut::from("text")).await, BYTES),
        (answer(b"text").await, BYTES),
        (answer(&b"text"[..]).await, BYTES),
        (answer(b"text".to_vec()).await, BYTES),
        (answer(Html("text")).await, "text/html; charset=utf-8"),
    ];
    for (answer, expected) in checked {
        answer.assert_status(200).assert_text("text");
        assert_eq!(content_type(&answer), expected);
    }
    let json = answer(Json("text")).await;
    json.assert_status(200).assert_text("\"text\"");
    assert_eq!(content_type(&json), "application/json");
}

#[tokio::test]
async fn nothing_a_status_and_no_content_have_no_body() {
    answer(()).await.assert_status(200).assert_text("");
    answer(StatusCode::CREATED).await.assert_status(201).assert_text("");
    let nothing = answer(NoContent).await;
    nothing.assert_status(204).assert_text("");
    assert_eq!(content_type(&nothing), "");
}

#[tokio::test]
async fn tuples_put_a_status_and_headers_before_a_body() {
    answer((StatusCode::ACCEPTED, "text")).await.assert_status(202).assert_text("text");
    let one = answer((StatusCode::CREATED, [("x-a", "1")], Json(7))).await;
    one.assert_status(201).assert_text("7");
    assert_eq!((&one.headers()["x-a"], content_type(&one)), (&HeaderValue::from_static("1"), "application/json"));
    let typed = answer(([(header::CONTENT_TYPE, "text/csv")], "a,b")).await;
    assert_eq!(typed.headers().get_all("content-type").iter().collect::<Vec<_>>(), ["text/csv"]);
    let map = HeaderMap::from_iter([(HeaderName::from_static("x-b"), HeaderValue::from_static("2"))]);
    let many = answer((
        StatusCode::OK,
        [("x-a", "1")],
        map,
        AppendHeaders([("set-cookie", "a=1"), ("set-cookie", "b=2")]),
        Extensions::new(),
        "text",
    ))
    .await;
    many.assert_status(200).assert_text("text");
    assert_eq!((&many.headers()["x-a"], &many.headers()["x-b"]), (&"1".parse().unwrap(), &"2".parse().unwrap()));
    assert_eq!(many.headers().get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    answer(([("x-a", "1")],)).await.assert_status(200).assert_text("");
}

#[tokio::test]
async fn parts_of_ones_own_stand_in_tuples() {
    #[derive(Clone)]
    struct Served(u8);
    impl IntoResponseParts for Served {
        type Error = (StatusCode, String);

        fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
            if self.0 == 0 {
                return Err((StatusCode::INTERNAL_SERVER_ERROR, "nobody".to_owned()));
            }
            parts.headers_mut().insert("x-served-by", u16::from(self.0).into());
            Ok(parts)
        }
    }
    assert_eq!(answer((Served(7), "text")).await.headers()["x-served-by"], "7");
    answer((Served(0), "text")).await.assert_status(500).assert_text("nobody");
}

#[tokio::test]
async fn a_header_that_http_forbids_is_answered_500() {
    assert_eq!(answer(([("x-a", "a\nb")], "text")).await.status(), 500);
}

#[tokio::test]
async fn a_whole_response_is_passed_on() {
    #[handler(GET, "/")]
    async fn whole() -> Response {
        http::Response::builder().status(299).header("x-a", "1").body(Body::from("text")).unwrap()
    }
    #[handler(GET, "/other")]
    async fn of_another_body() -> http::Response<http_body_util::Full<Bytes>> {
        http::Response::new(http_body_util::Full::from("full"))
    }
    let app: Router = Router::new().routes(routes![whole, of_another_body]);
    get(&app, "/").await.assert_status(299).assert_text("text");
    get(&app, "/other").await.assert_status(200).assert_text("full");
}

#[tokio::test]
async fn results_are_answers_on_both_sides() {
    #[handler(GET, "/{n}")]
    async fn check(slotbus::Path(n): slotbus::Path<u8>) -> Result<Json<u8>, (StatusCode, &'static str)> {
        if n > 0 { Ok(Json(n)) } else { Err((StatusCode::CONFLICT, "zero")) }
    }
    #[handler(GET, "/any/{n}")]
    async fn any(slotbus::Path(n): slotbus::Path<u8>) -> AnyError<&'static str> {
        match n {
            0 => Err(Problem::new(StatusCode::CONFLICT))?,
            1 => Err((StatusCode::GONE, "one"))?,
            _ => Ok("many"),
        }
    }
    let app: Router = Router::new().routes(routes![check, any]);
    get(&app, "/7").await.assert_status(200).assert_text("7");
    get(&app, "/0").await.assert_status(409).assert_text("zero");
    get(&app, "/any/0").await.assert_problem(409);
    get(&app, "/any/1").await.assert_status(410).assert_text("one");
    get(&app, "/any/2").await.assert_status(200).assert_text("many");
}

#[tokio::test]
async fn a_problem_and_a_written_body_stand_in_tuples_too() {
    #[handler(GET, "/problem")]
    async fn problem() -> (StatusCode, [(&'static str, &'static str); 1], Problem) {
        (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], Problem::new(StatusCode::TOO_MANY_REQUESTS))
    }
    #[handler(GET, "/written")]
    async fn written() -> (StatusCode, BodyWriter) {
        use std::io::Write as _;
        let mut body = BodyWriter::new();
        write!(body, "{}", 7).unwrap();
        (StatusCode::CREATED, body)
    }
    let app: Router = Router::new().routes(routes![problem, written]);
    let limited = get(&app, "/problem").await;
    limited.assert_problem(429);
    assert_eq!(limited.headers()["retry-after"], "7");
    get(&app, "/written").await.assert_status(201).assert_text("7");
}

#[tokio::test]
async fn a_stream_of_text_or_bytes_is_an_answer() {
    #[handler(GET, "/text")]
    async fn text() -> impl IntoResponse {
        let lines = stream::iter(1..=3).map(|n| Ok::<_, std::io::Error>(format!("{n}\n")));
        ([(header::CONTENT_TYPE, "text/csv")], Body::from_stream(lines))
    }
    #[handler(GET, "/bytes")]
    async fn bytes() -> Body {
        Body::from_stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from("ab")), Ok(Bytes::from("cd"))]))
    }
    let app: Router = Router::new().routes(routes![text, bytes]);
    let answer = get(&app, "/text").await;
    answer.assert_status(200).assert_text("1\n2\n3\n");
    assert_eq!(content_type(&answer), "text/csv");
    get(&app, "/bytes").await.assert_status(200).assert_text("abcd");
}
