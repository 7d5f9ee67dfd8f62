#[slotbus::handler(GET, "/")]
async fn handler(_: slotbus::State<String>) {}

fn main() {
    let _: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![handler]).with_state(7u32);
}
