//! This crate beside its peers: a client here, a server in another process, and the same requests for all of them.
//!
//! `cargo run --release -p peers-bench` prints a table for each workload, this crate's growth, and its goals beside what
//! was measured; it writes the figures as JSON and a chart as SVG under `target`. `--help` lists the options.
//!
//! Rounds are interleaved over the pairs, so that what the machine does meets all alike; each figure is the median of the
//! rounds, and ratios within one run are what to read. The host of a virtual machine moves its cores about, and with them how
//! far they are apart: `line` is how long a line of memory took from one to the other and back, beside the measurements of that
//! row. CPU time without requests is measured once, in the first round. A call that is not answered rightly within 200 ms is
//! lost, and counted.
//!
//! GET has no body, five headers, and is answered 200 with 13 bytes; echoes send their body back. Requests are prepared
//! once and cloned for each call. The async clients run on one runtime thread; iceoryx2, which knows no paths and no
//! headers, sends 200 bytes for a GET. This program is server and client of every pair, so peak memory includes the
//! touched part of one large executable.

mod chart;
mod drive;
mod figures;
mod goals;
mod growth;
mod json;
mod load;
mod options;
mod pairs;
mod process;
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::drive::Sample;
use self::figures::Figures;
use self::growth::Growth;
use self::load::Pace;
use self::options::Options;

fn main() {
    if let Some(setup) = process::Setup::of_server() {
        return pairs::serve(&setup);
    }
    let options = Options::read();
    process::clean_up_when_interrupted();
    let machine = json::machine();
    let (cells, pairs) = (options.cells(), options.pairs());
    let mut figures = Figures::default();
    for round in 1..=options.rounds {
        for cell in &cells {
            let is_idle = cell.pace == Pace::Idle;
            let length = if is_idle { options.idle } else { options.length };
            if is_idle && round > 1 {
                continue;
            }
            for pair in pairs.iter().filter(|pair| pair.takes_part(*cell)) {
                eprintln!("round {round}/{}: {cell}: {}", options.rounds, pair.name);
                if let Some((sample, line_us)) = attempt(|| pair.measure(*cell, length)) {
                    figures.add(*cell, *pair, Sample { line_us, ..sample });
                }
            }
        }
        for size in growth::SIZES.into_iter().filter(|_| options.wants_growth()) {
            eprintln!("round {round}/{}: growth: {}", options.rounds, size.name());
            if let Some((Growth { sample, shares }, line_us)) = attempt(|| size.measure(options.length)) {
                figures.add_growth(size, Growth { sample: Sample { line_us, ..sample }, shares });
            }
        }
    }
    let goals = goals::goals(&figures);
    println!("machine: {machine}");
    table::print_cells(&figures, &cells, &pairs);
    table::print_growth(&figures);
    table::print_lines(&figures);
    table::print_goals(&goals);
    let written = json::json(&machine, &options, &figures, &cells, &pairs, &goals);
    write(&options.json, &written);
    if let Some(svg) = chart::svg(&figures, &pairs) {
        write(&options.svg, &svg);
    }
}

/// A pair that fails is left out, with its panic on stderr; the others go on. Beside it how long a line of memory took over and back.
fn attempt<T>(measure: impl FnOnce() -> T) -> Option<(T, Option<f64>)> {
    let measure = || {
        let before = process::over_and_back();
        let measured = measure();
        let after = process::over_and_back();
        (measured, before.zip(after).map(|(before, after)| before.max(after)))
    };
    catch_unwind(AssertUnwindSafe(measure)).ok()
}

fn write(path: &std::path::Path, text: &str) {
    match std::fs::write(path, text) {
        Ok(()) => println!("wrote {}", path.display()),
        Err(error) => eprintln!("{} cannot be written: {error}", path.display()),
    }
}
