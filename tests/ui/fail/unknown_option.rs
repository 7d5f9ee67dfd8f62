#[slotbus::handler(GET, "/a", state = App)]
async fn unknown() {}

#[slotbus::handler(GET, "/b", retries)]
async fn without_a_value() {}

#[slotbus::handler(GET, "/c", "2s")]
async fn without_a_name() {}

#[slotbus::handler(GET, "/d", timeout: "2s")]
async fn with_a_colon() {}

#[slotbus::handler(GET, "/e",, timeout = "2s")]
async fn two_commas() {}

#[slotbus::handler(GET, "/f" timeout = "2s")]
async fn no_comma() {}

fn main() {}
