struct NotDeserializable;

#[slotbus::handler(POST, "/{id}")]
async fn handler(_: slotbus::Path<NotDeserializable>, _: String) {}

fn main() {
    let _: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![handler]);
}
