#[allow(non_camel_case_types)]
struct handler;

mod session {}

#[slotbus::handler(GET, "/")]
async fn session() {}

fn main() {
    let _ = handler;
}
