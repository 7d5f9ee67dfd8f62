#![deny(warnings)]
#![allow(unreachable_pub)]

mod inner {
    /// Documented.
    #[slotbus::handler(GET, "/documented")]
    pub async fn documented() {}

    #[slotbus::handler(POST, "/crate")]
    pub(crate) fn in_crate(body: String) -> String {
        body
    }
}

#[slotbus::handler(GET, "/{id}")]
async fn private(slotbus::Path(id): slotbus::Path<u32>) -> String {
    id.to_string()
}

#[test]
fn is_accepted() {
    #[slotbus::handler(DELETE, "/:id/*rest")]
    async fn in_a_body(mut parts: slotbus::Path<(u32, String)>) -> String {
        std::mem::take(&mut parts.0.1)
    }
    let _: slotbus::Router =
        slotbus::Router::new().routes(slotbus::routes![inner::documented, inner::in_crate, private, in_a_body,]);
    let _ = (private(slotbus::Path(1)), inner::in_crate(String::new()));
}
