// All are reported, and the function is still there.
#[slotbus::handler(FETCH, "users/{id}/{id}")]
const fn handler(_: &str) {}

fn main() {
    handler("");
}
