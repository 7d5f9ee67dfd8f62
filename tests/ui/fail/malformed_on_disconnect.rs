#[slotbus::handler(POST, "/a", on_disconnect = abort)]
async fn another_word() {}

#[slotbus::handler(POST, "/b", on_disconnect = "finish")]
async fn a_string() {}

fn main() {}
