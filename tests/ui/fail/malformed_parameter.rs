#[slotbus::handler(GET, "/{}")]
async fn empty() {}

#[slotbus::handler(GET, "/:")]
async fn empty_colon() {}

#[slotbus::handler(GET, "/{id")]
async fn open() {}

#[slotbus::handler(GET, "/{a}{b}")]
async fn two() {}

#[slotbus::handler(GET, "/{user.id}")]
async fn name() {}

#[slotbus::handler(GET, "/{*rest}/more")]
async fn rest_first() {}

#[slotbus::handler(GET, "/x{*rest}")]
async fn rest_in_a_segment() {}

#[slotbus::handler(GET, "/users?id={id}")]
async fn query() {}

fn main() {}
