//! x
mod drive;
mod load;
mod pairs;
mod process;

fn main() {
    if let Some(setup) = process::Setup::of_server() {
        return pairs::serve(&setup);
    }
    process::clean_up_when_interrupted();
    let only = std::env::args().nth(1).unwrap_or_default();
    for cell in load::cells() {
        for pair in pairs::PAIRS {
            if pair.takes_part(cell) && pair.name.contains(&only) {
                let s = pair.measure(cell, std::time::Duration::from_millis(100));
                println!("{cell} {} {s:?} {:?}", pair.name, s.cpu_per_request());
            }
        }
    }
}
