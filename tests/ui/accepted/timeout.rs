#[slotbus::handler(GET, "/{id}", timeout = "500ms")]
async fn first(_: slotbus::Path<u32>) {}

#[slotbus::handler(POST, "/", body_limit = "1KiB", on_disconnect = cancel, timeout = "2 s",)]
async fn last(_: String) {}

#[test]
fn is_accepted() {
    let _: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![first, last]);
}
