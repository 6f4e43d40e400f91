//! The network as programs in the guest see it, beyond what the applications use: IPv6 over the link, and names.

use osv_compat_tests::guest::Guest;
use osv_compat_tests::programs::{self, Build};
use std::io::{Read, Write};
use std::net::{Ipv6Addr, TcpListener};
use std::thread;

/// QEMU's router: what it is sent goes to the host's ::1.
const HOST: &str = "fec0::2";
/// The guest's addresses, from the hardware address that QEMU gives by default.
const LINK_LOCAL: &str = "fe80::5054:ff:fe12:3456/64";
const GLOBAL: &str = "fec0::5054:ff:fe12:3456/64";

#[test]
fn ipv6_addresses_come_from_the_router() {
    for cpus in ["1", "2"] {
        // The router's answer is on its way while the program starts.
        let wait = "i=0; while ! ip -6 route | grep -q default && [ $i -lt 100 ]; do usleep 100000; i=$((i+1)); done; ip addr";
        let guest = Guest::new("busybox").flags(&["-c", cpus]).args(&["sh", "-c", wait]);
        let outcome = guest.run().expect("a run");
        outcome.expect(0, LINK_LOCAL).expect("its link-local address");
        outcome.expect(0, GLOBAL).expect("its global address");
    }
}

#[test]
fn a_server_is_reached_over_ipv6() {
    let listener = match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(listener) => listener,
        Err(error) => {
            // QEMU's user network carries it to the host's loopback, which has to have IPv6.
            eprintln!("not run: this machine has no IPv6 loopback: {error}");
            return;
        }
    };
    let port = listener.local_addr().expect("an address").port();
    let body: String = (0..20_000).map(|n| format!("{n}\n")).collect();
    let expected = body.clone();
    let server = thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("a connection");
        let mut request = [0; 4096];
        let asked = peer.read(&mut request).expect("a request");
        assert!(request[..asked].starts_with(b"GET /x HTTP/1."));
        let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        peer.write_all((head + &body).as_bytes()).expect("an answer");
    });
    let url = format!("http://[{HOST}]:{port}/x");
    let outcome = Guest::new("busybox").args(&["wget", "-q", "-O", "-", &url]).run().expect("a run");
    outcome.expect(0, "").expect("an exit status of 0");
    assert!(outcome.stdout == expected, "{} bytes instead of {}", outcome.stdout.len(), expected.len());
    server.join().expect("a server that was asked");
}

#[test]
fn names_are_resolved() {
    let program = programs::build("resolve.c", Build::Glibc).expect("a program");
    let outcome = Guest::new(program.as_os_str()).run().expect("a run");
    outcome.expect(0, "").expect("an exit status of 0");
    // As glibc says them.
    let expected = [
        "localhost:80 127.0.0.1#80",
        "svc.example.test:http 192.0.2.7#80",
        "svc.example.test:443 2001:db8::7#443",
        "nobody.example.test:80 Name or service not known",
        "192.0.2.9:80 192.0.2.9#80",
        "::1:80 ::1#80",
        "-:80 0.0.0.0#80",
        "192.0.2.7 is svc.example.test",
    ];
    assert_eq!(outcome.stdout.lines().collect::<Vec<_>>(), expected);
}
