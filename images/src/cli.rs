//! The command line.

mod args;
mod build;
mod check;
mod inspect;
mod progress;
mod recipe;
mod run;

#[cfg(test)]
mod tests;

use crate::error::Result;
use args::{Cli, Command};
use clap::Parser;
use clap::error::ErrorKind;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Status of osv-pack's own failures, except in `run`.
const FAILURE: u8 = 1;
/// Status of `run` when it is osv-pack that failed, so that it can be told from the application's.
pub const RUN_FAILURE: u8 = 125;
const USAGE: u8 = 2;

/// Runs the command that `args` are, with the program's name in front.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Paths and commands in messages are to be copied: the terminal may wrap them, we don't. It can be set only once.
    let _ =
        miette::set_hook(Box::new(|_| Box::new(miette::MietteHandlerOpts::new().wrap_lines(false).build())));
    let cli = match Cli::try_parse_from(with_command(args.into_iter().collect())) {
        Ok(cli) => cli,
        Err(error) => {
            let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // There is nobody to tell if standard error is closed.
            let _ = error.print();
            return ExitCode::from(if is_help { 0 } else { USAGE });
        }
    };
    let own_failure = if matches!(cli.command, Command::Run(_)) { RUN_FAILURE } else { FAILURE };
    match execute(cli.command) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            let status = if matches!(error, crate::error::Error::Timeout { .. }) { 124 } else { own_failure };
            // What was printed belongs before the error; if it cannot be, the error still can.
            let _ = std::io::stdout().flush();
            let appendix = error.appendix().join("\n");
            eprintln!("{:?}", miette::Report::new(error));
            if !appendix.is_empty() {
                eprintln!("{appendix}");
            }
            ExitCode::from(status)
        }
    }
}

fn execute(command: Command) -> Result<u8> {
    match command {
        Command::Build(args) => build::execute(&args),
        Command::Run(args) => run::execute(&args),
        Command::Check(args) => check::execute(&args),
        Command::Inspect(args) => inspect::execute(&args),
    }
}

/// `osv-pack BINARY` is `osv-pack build BINARY`, and `-cp` is one option.
fn with_command(mut args: Vec<OsString>) -> Vec<OsString> {
    const FIRST: &[&str] = &["build", "run", "check", "inspect", "help", "-h", "--help", "-V", "--version"];
    if args.get(1).is_some_and(|first| !FIRST.iter().any(|known| first == known)) {
        args.insert(1, "build".into());
    }
    // As java has it, which is no way to write options elsewhere.
    for arg in args.iter_mut().take_while(|arg| *arg != "--").filter(|arg| *arg == "-cp") {
        *arg = "--class-path".into();
    }
    args
}
