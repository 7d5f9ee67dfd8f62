#[slotbus::handler]
async fn nothing() {}

#[slotbus::handler(GET)]
async fn no_path() {}

#[slotbus::handler("/")]
async fn no_method() {}

#[slotbus::handler(GET "/")]
async fn no_comma() {}

fn main() {}
