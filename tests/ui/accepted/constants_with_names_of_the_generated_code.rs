#![allow(non_upper_case_globals, non_camel_case_types, dead_code)]

use slotbus::{Path, Router, handler, routes};

const value: u8 = 7;
const rejection: u8 = 7;
const respond: u8 = 7;
const argument_0: u8 = 7;
static request: u8 = 7;
static state: u8 = 7;
struct parts;
struct body;

#[handler(GET, "/{number}")]
async fn shown(Path(number): Path<u8>, text: String) -> String {
    format!("{number}{text}")
}

#[test]
fn is_accepted() {
    let _: Router = Router::new().routes(routes![shown]);
}
