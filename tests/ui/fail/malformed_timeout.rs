#[slotbus::handler(GET, "/a", timeout = "2")]
async fn no_unit() {}

#[slotbus::handler(GET, "/b", timeout = 2)]
async fn a_number() {}

#[slotbus::handler(GET, "/c", timeout = "1.5s")]
async fn a_fraction() {}

#[slotbus::handler(GET, "/d", timeout = Duration::from_secs(2))]
async fn an_expression() {}

#[slotbus::handler(GET, "/e", timeout = "0s")]
async fn zero() {}

fn main() {}
