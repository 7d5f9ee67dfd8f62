#[slotbus::handler(GET, "/{id}/:id")]
async fn handler() {}

fn main() {}
