// All are reported, and the function is still there.
#[slotbus::handler(FETCH, "users/{id}/{id}", timeout = "soon", retries = 3, on_disconnect = finish, on_disconnect = stop)]
const fn handler(_: &str, _: slotbus::Path<(u32,)>) {}

fn main() {
    let _ = handler;
}
