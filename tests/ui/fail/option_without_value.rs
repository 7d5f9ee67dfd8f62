#[slotbus::handler(GET, "/", timeout, body_limit =, on_disconnect)]
async fn handler() {}

fn main() {}
