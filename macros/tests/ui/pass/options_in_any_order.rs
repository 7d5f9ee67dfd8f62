#[slotbus::handler(POST, "/a", body_limit = "10MiB", on_disconnect = finish)]
async fn one(_: String) {}

#[slotbus::handler(POST, "/b", on_disconnect = cancel, body_limit = "512B",)]
fn other(_: String) {}

#[slotbus::handler(POST, "/c",)]
fn none() {}

fn main() {
    let _: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![one, other, none]);
}
