//! `memcached-load ADDRESS:PORT [CONNECTIONS [OPERATIONS [SEED]]]`: see `osv_compat_tests::load`.

use osv_compat_tests::load::{Options, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| match arguments.get(at) {
        Some(text) => text.parse().ok(),
        None => Some(default),
    };
    let server = arguments.first().and_then(|text| text.parse().ok());
    let (Some(server), Some(connections), Some(operations), Some(seed)) =
        (server, number(1, 64), number(2, 200_000), number(3, 1))
    else {
        eprintln!("usage: memcached-load ADDRESS:PORT [CONNECTIONS [OPERATIONS [SEED]]]");
        return ExitCode::from(2);
    };
    let connections = usize::try_from(connections).unwrap_or(1);
    let report = match run(&Options { connections, operations, seed, ..Options::standard(server) }) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("memcached-load: {server}: {error}");
            return ExitCode::FAILURE;
        }
    };
    for (kind, count) in &report.operations {
        println!("{count:>10} {kind}");
    }
    println!("{:>10} bytes of values sent", report.value_bytes);
    println!("{:>10} bytes verified", report.verified_bytes);
    println!(
        "{:>10} misses, {} evictions, {:.1} s",
        report.misses,
        report.evictions,
        report.elapsed.as_secs_f64()
    );
    for error in &report.errors {
        println!("ERROR {error}");
    }
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
