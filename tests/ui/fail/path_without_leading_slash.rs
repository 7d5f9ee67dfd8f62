#[slotbus::handler(GET, "users")]
async fn handler() {}

fn main() {}
