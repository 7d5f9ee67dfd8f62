#[slotbus::handler(GET, "/a")]
const fn constant() {}

#[slotbus::handler(GET, "/b")]
async unsafe fn unsound() {}

#[slotbus::handler(GET, "/c")]
extern "C" fn foreign() {}

fn main() {
    constant();
}
