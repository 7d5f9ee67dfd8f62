#[slotbus::handler(GET, "/")]
async fn index(#[allow(unused)] method: http::Method, #[cfg(windows)] _: http::HeaderMap, _: String) {}

fn main() {}
