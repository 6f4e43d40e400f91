//! memcached: the suite of its clients' library, and a load that verifies every byte.

use crate::service::{Service, ask};
use libtest_mimic::{Failed, Trial};
use osv_compat_tests::load::{self as memcached_load, Options};
use std::net::SocketAddr;
use std::process::Command;

const ARGUMENTS: [&str; 10] = ["-u", "root", "-p", "11211", "-U", "0", "-l", "0.0.0.0", "-t", "4"];

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for cpus in ["1", "2"] {
        trials.push(trial(format!("memcached.c{cpus}"), cpus, |server| {
            let answer = b"STORED\r\n42\r\nVALUE a 0 2\r\n42\r\nEND";
            ask(server, b"set a 0 0 2\r\n41\r\nincr a 1\r\nget a\r\n", answer)
        }));
        trials.push(trial(format!("memcached.memccapable.c{cpus}"), cpus, memccapable));
        trials.push(trial(format!("memcached.load.c{cpus}"), cpus, |server| {
            let operations = std::env::var("OSV_LOAD_OPERATIONS").ok().and_then(|text| text.parse().ok());
            let standard = Options::standard(server);
            load(Options { operations: operations.unwrap_or(standard.operations), ..standard })
        }));
    }
    trials.push(Trial::test("memcached.boots", || {
        for boot in 1..=20 {
            let cpus = if boot % 2 == 0 { "2" } else { "1" };
            service(cpus)
                .serve(|server| {
                    memccapable(server)?;
                    load(Options { operations: 5_000, seed: boot, ..Options::standard(server) })
                })
                .map_err(|error| format!("boot {boot}: {}", error.message().unwrap_or_default()))?;
        }
        Ok(())
    }));
    trials
}

fn service(cpus: &str) -> Service {
    Service::new("memcached", 11211, b"version\r\n").flags(&["-m", "256M", "-c", cpus]).args(&ARGUMENTS)
}

fn trial(name: String, cpus: &'static str, test: fn(SocketAddr) -> Result<(), Failed>) -> Trial {
    Trial::test(name, move || service(cpus).serve(test))
}

fn load(options: Options) -> Result<(), Failed> {
    let report = memcached_load::run(&options)?;
    if report.is_clean() { Ok(()) } else { Err(format!("{report:#?}").into()) }
}

fn memccapable(server: SocketAddr) -> Result<(), Failed> {
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    let run = Command::new("timeout").args(["300", "memccapable", "-h", &host, "-p", &port]).output()?;
    let text = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    let passed = text.lines().filter(|line| line.trim_end().ends_with("[pass]")).count();
    if run.status.success() && passed == 54 {
        Ok(())
    } else {
        Err(format!("{passed} of 54 passed:\n{text}").into())
    }
}
