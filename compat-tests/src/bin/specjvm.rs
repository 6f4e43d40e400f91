//! `osv-specjvm [ROW...]`: runs the rows whose names begin so, or all; see `osv_compat_tests::specjvm`.

use osv_compat_tests::bench::linux::Linux;
use osv_compat_tests::bench::machine;
use osv_compat_tests::programs::target;
use osv_compat_tests::specjvm::report::{self, Row, median};
use osv_compat_tests::specjvm::run::{Machine, Side, run};
use osv_compat_tests::specjvm::suite::{ROWS, Suite};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "usage: osv-specjvm [ROW...]
Runs Java workloads, those whose names begin so or all, on our kernel and on Linux in the same QEMU. Prints a table and
writes target/specjvm.json and target/specjvm.svg. docs/java.md says what the rows are. Environment:
  SPECJVM2008  folder of a copy of the real suite, which then runs in place of our own workloads
  ROUNDS       runs of each side, of which the median counts (1)
  CPUS         processors of a machine (1)
  MEMORY       its memory in MiB (1536)
  PERCENT      of each row's work (100)
  LIMIT        seconds for a row on one side (300)
  JAVA_FLAGS   flags of the virtual machine (-Xmx512m)";

fn main() -> ExitCode {
    let prefixes: Vec<String> = std::env::args().skip(1).collect();
    if prefixes.iter().any(|word| word == "--help" || word == "-h") {
        println!("{HELP}\nRows: {}", ROWS.join(" "));
        return ExitCode::SUCCESS;
    }
    match measure(&prefixes) {
        Ok(failures) if failures.is_empty() => ExitCode::SUCCESS,
        Ok(failures) => {
            failures.iter().for_each(|failure| eprintln!("specjvm: {failure}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("specjvm: {error}");
            ExitCode::FAILURE
        }
    }
}

fn number(name: &str, default: u32) -> Result<u32, String> {
    let Some(text) = std::env::var(name).ok().filter(|text| !text.is_empty()) else { return Ok(default) };
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| format!("{name}={text}: expected a number"))
}

fn write(suite: &str, rows: &[Row]) -> Result<(), String> {
    for (file, text) in
        [("specjvm.json", report::json(suite, rows)), ("specjvm.svg", report::svg(suite, rows))]
    {
        let file = target().join(file);
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

fn measure(prefixes: &[String]) -> Result<Vec<String>, String> {
    let fits = |row: &&&str| prefixes.is_empty() || prefixes.iter().any(|prefix| row.starts_with(prefix));
    let names: Vec<&str> = ROWS.iter().filter(fits).copied().collect();
    if names.is_empty() {
        return Err(format!("no row begins with {}; there are: {}", prefixes.join(" or "), ROWS.join(" ")));
    }
    let flags = std::env::var("JAVA_FLAGS").unwrap_or_else(|_| "-Xmx512m".into());
    let machine = Machine {
        memory: number("MEMORY", 1536)?,
        cpus: number("CPUS", 1)?,
        flags: flags.split_whitespace().map(str::to_owned).collect(),
        percent: number("PERCENT", 100)?,
        limit: Duration::from_secs(number("LIMIT", 300)?.into()),
    };
    let rounds = number("ROUNDS", 1)?;
    let folder = target().join("specjvm");
    let linux = Linux::get(&target().join("bench/linux"));
    // Without a Linux to compare with there is still our own side to see.
    let mut failures: Vec<String> = linux.as_ref().err().cloned().into_iter().collect();
    let linux_name = linux.as_ref().map_or("no Linux", |linux| linux.name.as_str()).to_owned();
    let real = std::env::var_os("SPECJVM2008").filter(|path| !path.is_empty()).map(PathBuf::from);
    let suite = Suite::pack(&folder, real.as_deref(), linux.ok())?;
    let mut rows = Vec::new();
    for name in names {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // Who goes first changes with every round.
            let sides = if round % 2 == 0 { [Side::Osv, Side::Linux] } else { [Side::Linux, Side::Osv] };
            for side in sides.into_iter().filter(|&side| side == Side::Osv || suite.linux.is_some()) {
                match run(&suite, side, name, &machine) {
                    Ok(figure) if side == Side::Osv => ours.push(figure),
                    Ok(figure) => theirs.push(figure),
                    Err(error) => failures.push(format!("{name} on {side:?}: {error}")),
                }
            }
        }
        let row = Row { name: name.to_owned(), ours: median(ours), linux: median(theirs) };
        eprintln!("specjvm: {name} {}", row.verdict().map_or("-".into(), |ratio| format!("{ratio:.2}")));
        rows.push(row);
        // After each row: what was measured stays, if the rest is cut short.
        write(suite.name, &rows)?;
    }
    print!("{}", report::table(&rows));
    println!(
        "{}; QEMU {}, {} CPUs, beside {linux_name}; target/specjvm.json, target/specjvm.svg",
        suite.name,
        machine::version()?,
        machine.cpus
    );
    Ok(failures)
}
