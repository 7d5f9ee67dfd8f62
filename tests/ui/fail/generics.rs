#[slotbus::handler(GET, "/a")]
async fn a_type<T: Send>(_: slotbus::State<T>) {}

#[slotbus::handler(GET, "/b")]
async fn an_impl(_: impl Send) {}

#[slotbus::handler(GET, "/c")]
async fn a_lifetime<'a>(_: slotbus::State<&'a str>) {}

#[slotbus::handler(GET, "/d")]
async fn a_reference(_: &str) {}

fn main() {}
