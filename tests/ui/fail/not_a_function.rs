#[slotbus::handler(GET, "/")]
struct NotAFunction;

fn main() {}
