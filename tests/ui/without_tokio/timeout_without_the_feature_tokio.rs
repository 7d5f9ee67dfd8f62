#[slotbus::handler(GET, "/", timeout = "2s")]
async fn handler() {}

fn main() {}
