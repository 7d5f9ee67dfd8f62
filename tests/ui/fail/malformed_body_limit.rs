#[slotbus::handler(POST, "/a", body_limit = "10")]
async fn no_unit() {}

#[slotbus::handler(POST, "/b", body_limit = 10 * 1024)]
async fn an_expression() {}

#[slotbus::handler(POST, "/c", body_limit = "99999999999B")]
async fn too_much() {}

#[slotbus::handler(POST, "/d", body_limit = "0MiB")]
async fn zero() {}

fn main() {}
