use super::model::{Random, Value};
use super::*;
use std::process::{Child, Command, Stdio};

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

#[test]
fn lengths_are_as_announced() {
    let mut random = Random(3);
    let lengths: Vec<usize> = (0..100_000).map(|_| random.length()).collect();
    let large = lengths.iter().filter(|len| **len > 4096).count();
    assert!((700..1300).contains(&large), "{large}");
    assert!(lengths.iter().all(|len| (10..=500_000).contains(len)));
    let small = lengths.iter().filter(|len| **len < 202).count();
    assert!((45_000..55_000).contains(&small), "half lie below the geometric mean: {small}");
}

#[test]
fn a_wrong_byte_is_named() {
    let value = Value { seed: 5, len: 100 };
    let mut bytes = value.bytes();
    bytes[42] ^= 1;
    assert_eq!(value.difference(value.flags(), &bytes), "byte 42 of 100 differs");
    assert_eq!(value.difference(value.flags(), &value.bytes()[..7]), "7 bytes instead of 100");
}

/// The oracle: the machine's own memcached passes.
#[test]
fn stock_memcached_passes_natively() {
    let port = free_port();
    let server = Command::new("memcached")
        .args(["-u", "root", "-m", "64", "-U", "0", "-l", "127.0.0.1", "-p", &port.to_string()])
        .stderr(Stdio::null())
        .spawn();
    let _server = Server(server.expect("memcached is installed"));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let up = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        std::net::TcpStream::connect(address).is_ok()
    });
    assert!(up, "memcached does not listen");
    let options = Options { operations: 10_000, ..Options::standard(address) };
    let report = run(&options).expect("talks");
    assert!(report.is_clean(), "{report:?}");
    assert!(report.verified_bytes > 1 << 20, "{report:?}");
}
