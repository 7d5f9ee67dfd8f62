#[slotbus::handler(FETCH, "/")]
async fn unknown() {}

#[slotbus::handler(get, "/")]
async fn small() {}

fn main() {
    let _: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![unknown, small]);
}
