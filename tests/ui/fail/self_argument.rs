struct App;

impl App {
    #[slotbus::handler(GET, "/")]
    async fn index(&self) {}
}

fn main() {
    let _ = App.index();
}
