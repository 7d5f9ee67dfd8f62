use slotbus::{Json, Path};

#[slotbus::handler(POST, "/{id}")]
async fn handler(Json(body): Json<String>, Path(id): Path<u32>) -> String {
    format!("{id} {body}")
}

fn main() {}
