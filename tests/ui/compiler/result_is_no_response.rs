struct NotAResponse;

#[slotbus::handler(GET, "/")]
async fn handler() -> NotAResponse {
    NotAResponse
}

fn main() {}
