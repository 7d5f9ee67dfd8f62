#[slotbus::handler(GET, "/", timeout = "1s", body_limit = "1KiB", timeout = "2s", on_disconnect = finish, on_disconnect = cancel)]
async fn handler() {}

fn main() {}
