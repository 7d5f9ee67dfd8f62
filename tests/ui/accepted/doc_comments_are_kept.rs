//! A function without its comment would be an error here.
#![deny(missing_docs)]

/// Comments on modules.
pub mod api {
    /// Is documented.
    ///
    /// At length.
    #[slotbus::handler(GET, "/a")]
    pub async fn lines() {}

    /** Is documented in a block. */
    #[slotbus::handler(GET, "/b")]
    #[doc = "And by an attribute."]
    pub fn block() {}
}

#[test]
fn is_accepted() {
    let app: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![api::lines, api::block]);
    let summaries: Vec<_> = app.list().map(|route| route.summary).collect();
    assert_eq!(summaries, ["Is documented.", "Is documented in a block."]);
}
