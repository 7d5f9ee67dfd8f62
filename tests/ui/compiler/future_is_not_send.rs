use std::rc::Rc;

#[slotbus::handler(GET, "/")]
async fn handler() {
    let count = Rc::new(1);
    std::future::ready(()).await;
    drop(count);
}

fn main() {}
