//! `osv-bench [ROW...]`: measures the rows whose names begin so, or all; see `osv_compat_tests::bench`.

use osv_compat_tests::bench::linux::Linux;
use osv_compat_tests::bench::measure::Bench;
use osv_compat_tests::bench::{machine, rows, table};
use osv_compat_tests::programs::target;
use std::process::ExitCode;

const HELP: &str = "usage: osv-bench [ROW...]
Measures the rows whose names begin so, or all, in guest instructions beside Linux in the same QEMU. Prints a table and
writes target/bench.json. Ends with 1 if a side could not be measured. docs/benchmarks.md says what the rows are.";

fn main() -> ExitCode {
    let prefixes: Vec<String> = std::env::args().skip(1).collect();
    if prefixes.iter().any(|word| word == "--help" || word == "-h") {
        println!("{HELP}\nRows: {}", rows::names());
        return ExitCode::SUCCESS;
    }
    match run(&prefixes) {
        Ok(failures) if failures.is_empty() => ExitCode::SUCCESS,
        Ok(failures) => {
            failures.iter().for_each(|failure| eprintln!("bench: {failure}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(prefixes: &[String]) -> Result<Vec<String>, String> {
    let specs = rows::select(prefixes)?;
    let qemu = machine::version()?;
    // Without a Linux to compare with there is still our own side to see.
    let linux = Linux::get(&target().join("bench/linux"));
    let name = linux.as_ref().map_or("no Linux", |linux| linux.name.as_str()).to_owned();
    let mut failures: Vec<String> = linux.as_ref().err().cloned().into_iter().collect();
    let mut bench = Bench::new(&target().join("bench"), linux.ok())?;
    let rows = bench.run(&specs)?;
    let file = target().join("bench.json");
    std::fs::write(&file, table::json(&rows)).map_err(|error| format!("{}: {error}", file.display()))?;
    print!("{}", table::print(&rows));
    println!("QEMU {qemu}, one CPU, instructions counted; beside {name}. {}", file.display());
    failures.append(&mut bench.failures);
    Ok(failures)
}
