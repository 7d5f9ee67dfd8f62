struct NotAnExtractor;

#[slotbus::handler(POST, "/")]
async fn handler(_: NotAnExtractor) {}

fn main() {
    let _: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![handler]);
}
