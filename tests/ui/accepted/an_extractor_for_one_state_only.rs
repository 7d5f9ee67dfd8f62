use slotbus::extract::FromRequestParts;

#[derive(Clone)]
struct App;

/// Not generic over the state, and named like one that reads the body.
struct Form;

impl FromRequestParts<App> for Form {
    type Rejection = ();

    async fn from_request_parts(_: &mut http::request::Parts, _: &App) -> Result<Self, ()> {
        Ok(Self)
    }
}

#[slotbus::handler(POST, "/")]
async fn handler(_: http::Method, _: Form) {}

#[slotbus::handler(POST, "/first")]
async fn first(_: Form, _: http::Method) {}

#[test]
fn is_accepted() {
    let _: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![handler, first]).with_state(App);
}
