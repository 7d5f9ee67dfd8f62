use slotbus::{Path, extract::PathRejection};

#[slotbus::handler(GET, "/{a}/{b}/{*c}")]
async fn two_of_three(Path((_, _)): Path<(u32, String)>) {}

#[slotbus::handler(GET, "/{a}/:b")]
async fn one_of_two(_: http::Method, _: slotbus::Path<u32>) {}

#[slotbus::handler(GET, "/{a}/{b}")]
async fn in_others(_: Option<Path<(u32,)>>, _: Result<Path<String>, PathRejection>) {}

fn main() {}
