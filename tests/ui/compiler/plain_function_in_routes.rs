async fn handler() {}

fn main() {
    let _: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![handler]);
}
