mod api {
    #[slotbus::handler(GET, "/")]
    pub async fn index() {}
}
use api::index as start;

fn main() {
    let _: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![api::index, start]);
}
