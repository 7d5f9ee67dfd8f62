//! Kills workers and hubs under load and checks afterwards, in a ledger that outlives them, what became of every request.
//!
//! ```text
//! cargo test --test torture                        # some 20 s
//! cargo test --test torture -- --full              # 300 workers and 100 hubs killed, a million requests
//! cargo test --test torture -- --minutes 60        # for as long as you like
//! ```
//!
//! Processes: this one kills and keeps the books; a hub with two client threads, one life after another; three workers
//! that are killed and one, the elder, that sees every hub come and go. Whoever sends, runs or gets something writes it
//! down in a file first, with one write each, which a kill cannot take back.

mod books;
mod client;
mod killer;
mod plan;
mod tally;
mod worker;

use libtest_mimic::{Arguments, Trial};

use self::plan::{Plan, Role};

fn main() {
    if let Some(role) = Role::of_this_process() {
        return match role {
            Role::Hub(life) => client::run(&life),
            Role::Worker(life) => worker::run(&life),
        };
    }
    let (plan, rest) = Plan::from_arguments(std::env::args());
    let arguments = Arguments::from_iter(rest);
    let torture =
        Trial::test("nothing_is_lost_run_twice_or_misdelivered_when_workers_and_hubs_are_killed", move || {
            let books = killer::torture(&plan)?;
            let tally = tally::Tally::of(&books)?;
            println!("{tally}");
            tally.verdict(&plan).map_err(Into::into)
        });
    libtest_mimic::run(&arguments, vec![torture]).exit();
}
