//! `slotbus`: what one does with buses from a shell.

mod bench;
mod bus;
mod call;
mod clean;
mod completions;
mod conformance;
mod gateway;
mod ls;
mod measures;
mod out;
mod signals;
mod top;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Buses in shared memory: see them, call them, clean up after them, put HTTP in front of them.
#[derive(Debug, Parser)]
#[command(name = "slotbus", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::Bench),
    Call(call::Call),
    Clean(clean::Clean),
    Completions(completions::Completions),
    Conformance(conformance::Conformance),
    Gateway(gateway::Gateway),
    Ls(ls::Ls),
    Top(top::Top),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Bench(bench) => bench.run(),
        Command::Call(call) => call.run(),
        Command::Clean(clean) => clean.run(),
        Command::Completions(completions) => completions.run(),
        Command::Conformance(conformance) => conformance.run(),
        Command::Gateway(gateway) => gateway.run(),
        Command::Ls(ls) => ls.run(),
        Command::Top(top) => top.run(),
    };
    match result {
        Ok(code) => code,
        // Who reads what is shown has seen enough.
        Err(error) if error.downcast_ref().is_some_and(out::has_reader_gone) => ExitCode::SUCCESS,
        Err(error) => {
            out::note(format_args!("error: {error}"));
            out::causes(&*error).for_each(|cause| out::note(format_args!("  because: {cause}")));
            ExitCode::FAILURE
        }
    }
}
