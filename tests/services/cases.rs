//! The requests that are sent both ways.

use http::Method;

use crate::both::{Case, case, get, post};

pub(crate) fn extractors() -> Vec<Case> {
    let methods =
        [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD, Method::OPTIONS];
    let echoes = methods.map(|method| {
        case(method, "/echo?q=%20x", "body")
            .header("x-repeated", "1")
            .header("x-repeated", "2")
            .header("x-repeated", "1")
    });
    let others = vec![
        get("/"),
        get("/nowhere"),
        case(Method::HEAD, "/", ""),
        case(Method::DELETE, "/", ""),
        get("/people/1"),
        get("/people/3"),
        get("/people/one"),
        get("/people/4294967296"),
        get("/names/ada/lovelace"),
        get("/names/a%2Fb/%C3%A4"),
        get("/names/%FF/x"),
        get("/files/a/b/c.txt"),
        get("/pages?page=1&size=2"),
        get("/pages?page=1"),
        get("/pages"),
        get("/pages?page=minus"),
        post("/people", r#"{"name":"ada","age":36}"#).json(),
        post("/people", r#"{"name":"ada"}"#).json(),
        post("/people", "{").json(),
        post("/people", r#"{"name":"ada","age":36}"#),
        post("/form", "name=ada&age=36").form(),
        post("/form", "name=ada&age=x").form(),
        post("/small", "four"),
        post("/small", "fives"),
        get("/moved"),
        get("/empty"),
        get("/cookies"),
    ];
    echoes.into_iter().chain(others).collect()
}

pub(crate) fn tower_http() -> Vec<Case> {
    vec![
        get("/text"),
        get("/text").header("accept-encoding", "gzip"),
        get("/text").header("accept-encoding", "br, gzip;q=0.5"),
        get("/text").header("accept-encoding", "identity"),
        case(Method::HEAD, "/text", "").header("accept-encoding", "gzip"),
        get("/short").header("accept-encoding", "gzip"),
        get("/never"),
        get("/nowhere"),
        case(Method::DELETE, "/text", ""),
        post("/upload", "x".repeat(10)),
        post("/upload", "x".repeat(1000)),
        post("/upload", "x".repeat(1001)),
        post("/upload", "x".repeat(10)).header("accept-encoding", "gzip"),
    ]
}

pub(crate) fn folder() -> Vec<Case> {
    vec![
        get("/"),
        get("/index.html"),
        get("/a.txt"),
        case(Method::HEAD, "/a.txt", ""),
        get("/a.txt").header("range", "bytes=2-4"),
        get("/a.txt").header("range", "bytes=20-40"),
        get("/a.txt").header("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        get("/a.txt").header("if-unmodified-since", "Sat, 01 Jan 2000 00:00:00 GMT"),
        get("/sub"),
        get("/sub/b.json"),
        get("/%C3%A4%20b"),
        get("/none"),
        get("/../a.txt"),
        post("/a.txt", "x"),
    ]
}
