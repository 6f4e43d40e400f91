//! What idle connections cost an active one, in guest instructions: nothing that grows with their number.

use osv_compat_tests::bench::machine::Machine;
use osv_compat_tests::bench::{ours, table};
use osv_compat_tests::programs::{self, Build};
use std::ffi::OsStr;

const CLIENT: &str = "/lib/memcached_get.so";
// Both ends count: memcached raises the limit of descriptors to what -c asks for.
const ARGUMENTS: &str = "-u root -U 0 -l 127.0.0.1 -c 4000";

/// Instructions for one get over loopback, client and server together, with `idle` more connections open.
fn get(idle: u32) -> Result<f64, String> {
    let client = programs::build("memcached_get.c", Build::GlibcLibrary)?;
    let image = programs::output().join(format!("memcached-idle-{idle}.img"));
    let added = format!("{}:{CLIENT}", client.display());
    let (preload, count) = (format!("LD_PRELOAD={CLIENT}"), format!("IDLE={idle}"));
    // One active connection: with several, how many gets a server's thread finds at once would decide the figure.
    let flags = ["--add", &added, "-e", &preload, "-e", &count, "-e", "ACTIVE=1"];
    ours::pack(OsStr::new("memcached"), &image, &flags)?;
    let output = Machine::default().run(&ours::boot(&image, &format!("-- {ARGUMENTS}")))?;
    let figure = table::parse(&output.text).get("memcached.get").copied();
    figure.ok_or_else(|| format!("no figure; {}", output.account()))
}

#[test]
fn idle_connections_are_free() {
    let (alone, among_many) = (get(0).expect("a figure"), get(500).expect("a figure"));
    eprintln!("instructions for a get: {alone} alone, {among_many} among 500 idle connections");
    assert!(among_many <= alone * 1.1, "{among_many} instead of {alone} instructions");
}
