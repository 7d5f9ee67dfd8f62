#[slotbus::handler(POST, "/a", body_limit = "10MiB", on_disconnect = finish)]
async fn one(_: String) {}

#[slotbus::handler(POST, "/b", on_disconnect = cancel, body_limit = "512B",)]
fn other(_: String) {}

// The comma stays.
#[rustfmt::skip]
#[slotbus::handler(POST, "/c",)]
fn none() {}

#[test]
fn is_accepted() {
    let _: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![one, other, none]);
}
