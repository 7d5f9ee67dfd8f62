//! `Option` and `Result` of each argument.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri, Version, request::Parts};
use slotbus::{
    Body, Cancelled, Deadline, Extension, Form, Json, MatchedPath, Path, Query, RequestId, Router, State,
    extract::{
        DeadlineRejection, ExtensionRejection, FormRejection, FromRequest, FromRequestParts, JsonRejection,
        MatchedPathRejection, OptionalFromRequest, OptionalFromRequestParts, PathRejection, QueryRejection, RawBody,
        RequestIdRejection,
    },
    handler, routes,
};

use super::{get, post, send};

type Pairs = Vec<(String, String)>;

#[test]
fn an_option_is_an_argument_where_it_can_be_none_and_a_result_always() {
    fn parts<T: FromRequestParts<()>>() {}
    fn body<T: FromRequest<(), M>, M>() {}
    fn optional<T: OptionalFromRequestParts<()> + FromRequestParts<()>>() {
        parts::<Option<T>>();
        parts::<Result<T, <T as FromRequestParts<()>>::Rejection>>();
    }
    fn optional_body<T: OptionalFromRequest<()> + FromRequest<()>>() {
        body::<Option<T>, _>();
        body::<Result<T, <T as FromRequest<()>>::Rejection>, _>();
    }
    fn always<T: FromRequestParts<()>>() {
        parts::<Result<T, T::Rejection>>();
    }
    fn always_body<T: FromRequest<()>>() {
        body::<Result<T, T::Rejection>, _>();
    }
    optional::<Path<u8>>();
    optional::<Query<Pairs>>();
    optional::<Extension<u8>>();
    optional::<MatchedPath>();
    optional::<RequestId>();
    optional::<Deadline>();
    #[cfg(feature = "headers")]
    optional::<slotbus::extract::Header<slotbus::headers::Host>>();
    optional_body::<Json<u8>>();
    optional_body::<Form<Pairs>>();
    always::<State<()>>();
    always::<Cancelled>();
    always::<HeaderMap>();
    always::<Method>();
    always::<Uri>();
    always::<Version>();
    always::<Parts>();
    always_body::<Bytes>();
    always_body::<String>();
    always_body::<Body>();
    always_body::<RawBody>();
    always_body::<Request<Body>>();
}

/// Compiles if none of the types is of the trait: else two implementations would fit.
macro_rules! never {
    ($trait:path: $($type:ty)*) => {$(
        const _: fn() = || {
            struct IfItIs;
            trait Fits<A> { fn fits() {} }
            impl<T> Fits<()> for T {}
            impl<T: $trait> Fits<IfItIs> for T {}
            let _ = <$type as Fits<_>>::fits;
        };
    )*};
}

#[test]
fn what_is_always_there_is_no_option() {
    never!(OptionalFromRequestParts<()>: State<()> Cancelled HeaderMap Method Uri Version);
    never!(OptionalFromRequest<()>: Bytes String Body RawBody Request<Body>);
}

#[tokio::test]
async fn a_form_is_optional_where_there_is_neither_query_nor_content_type() {
    async fn show(form: Option<Form<Pairs>>) -> String {
        format!("{:?}", form.map(|Form(form)| form.len()))
    }
    let app: Router = Router::new().fallback(show);
    get(&app, "/").await.assert_status(200).assert_text("None");
    get(&app, "/?").await.assert_status(200).assert_text("Some(0)");
    get(&app, "/?a=b").await.assert_status(200).assert_text("Some(1)");
    send(&app, Request::post("/?a=b").body(Body::empty()).unwrap()).await.assert_status(200).assert_text("None");
    post(&app, "/", "application/x-www-form-urlencoded", "a=b&c=d").await.assert_status(200).assert_text("Some(2)");
    post(&app, "/", "text/plain", "a=b").await.assert_problem(415);
}

#[tokio::test]
async fn what_is_there_and_wrong_is_refused_in_an_option_too() {
    #[handler(POST, "/path/{n}")]
    async fn path(n: Option<Path<u8>>) -> String {
        format!("{n:?}")
    }
    #[handler(POST, "/query")]
    async fn query(n: Option<Query<[(String, u8); 1]>>) -> String {
        format!("{n:?}")
    }
    #[handler(POST, "/json")]
    async fn json(n: Option<Json<u8>>) -> String {
        format!("{n:?}")
    }
    #[handler(POST, "/form")]
    async fn form(n: Option<Form<[(String, u8); 1]>>) -> String {
        format!("{n:?}")
    }
    let app: Router = Router::new().routes(routes![path, query, json, form]);
    post(&app, "/path/x", "text/plain", "").await.assert_problem(400);
    post(&app, "/query?a=x", "text/plain", "").await.assert_problem(400);
    post(&app, "/json", "application/json", "x").await.assert_problem(400);
    post(&app, "/form", "application/x-www-form-urlencoded", "a=x").await.assert_problem(422);
}

#[tokio::test]
async fn a_result_leaves_every_refusal_to_the_handler() {
    async fn show(
        path: Result<Path<u8>, PathRejection>,
        query: Result<Query<[(String, u8); 1]>, QueryRejection>,
        extension: Result<Extension<u8>, ExtensionRejection>,
        matched: Result<MatchedPath, MatchedPathRejection>,
        id: Result<RequestId, RequestIdRejection>,
        deadline: Result<Deadline, DeadlineRejection>,
        form: Result<Form<Pairs>, FormRejection>,
    ) -> String {
        let statuses = [
            path.unwrap_err().status(),
            query.unwrap_err().status(),
            extension.unwrap_err().status(),
            matched.unwrap_err().status(),
            id.unwrap_err().status(),
            deadline.unwrap_err().status(),
            form.unwrap_err().status(),
        ];
        statuses.map(|status| status.as_str().to_owned()).join(" ")
    }
    let app: Router = Router::new().fallback(show);
    post(&app, "/?a=x", "text/plain", "").await.assert_status(200).assert_text("500 400 500 500 500 500 415");
    let app: Router =
        Router::new().fallback(async |json: Result<Json<u8>, JsonRejection>| json.unwrap_err().to_string());
    post(&app, "/", "text/plain", "1").await.assert_status(200).assert_text("the content type is not application/json");
}
