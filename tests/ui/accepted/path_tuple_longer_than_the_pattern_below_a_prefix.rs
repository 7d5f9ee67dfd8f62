use slotbus::Path;

#[slotbus::handler(GET, "/users/{id}")]
async fn user(Path((_tenant, _id)): Path<(String, u32)>) {}

#[slotbus::handler(GET, "/")]
async fn tenant(Path(_tenant): Path<String>) {}

#[slotbus::handler(GET, "/{a}/{b}")]
async fn others(_: Path<()>, _: Path<Vec<u8>>, _: Path<std::collections::HashMap<String, String>>) {}

#[test]
fn is_accepted() {
    let below = slotbus::Router::new().routes(slotbus::routes![user, tenant, others]);
    let _: slotbus::Router = slotbus::Router::new().nest("/{tenant}", below);
}
