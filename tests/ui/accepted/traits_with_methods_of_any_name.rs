use slotbus::{Path, Router, State, handler, routes};

/// Implemented for everything, with names that the generated code might have used.
trait Everywhere: Sized {
    fn hold(&self) {}
    fn parts(self) {}
    fn last(self) {}
}

impl<T> Everywhere for T {}

#[handler(GET, "/{number}")]
async fn shown(State(()): State<()>, Path(number): Path<u8>) -> String {
    number.hold();
    number.parts();
    number.last();
    number.to_string()
}

#[test]
fn is_accepted() {
    let _: Router = Router::new().routes(routes![shown]).with_state(());
}
