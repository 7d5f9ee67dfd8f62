#![no_implicit_prelude]

#[::slotbus::handler(GET, "/{id}")]
async fn handler(::slotbus::Path(id): ::slotbus::Path<u32>, body: ::std::string::String) -> ::std::string::String {
    let _ = id;
    body
}

#[::std::prelude::v1::test]
fn is_accepted() {
    let _: ::slotbus::Router = ::slotbus::Router::new().routes(::slotbus::routes![handler]);
}
