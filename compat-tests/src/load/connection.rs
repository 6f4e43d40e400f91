//! One connection that speaks memcached's text protocol.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection to the server.
#[derive(Debug)]
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
}

fn protocol(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Connection {
    pub fn open(server: SocketAddr, timeout: Duration) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&server, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(Connection { stream: BufReader::with_capacity(64 << 10, stream) })
    }

    /// What `error` means here: which connection, and what of the present answer has come.
    pub fn explain(&self, error: &io::Error, during: &str) -> io::Error {
        let stream = self.stream.get_ref();
        let port = stream.local_addr().map_or(0, |address| address.port());
        let what = match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                let timeout = stream.read_timeout().ok().flatten().unwrap_or_default();
                format!("no progress for {} s", timeout.as_secs())
            }
            _ => error.to_string(),
        };
        io::Error::new(error.kind(), format!("{during} on the connection from port {port}: {what}"))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
            None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
        }
    }

    /// Sends a command and returns its one line of answer.
    pub fn command(&mut self, command: &str) -> io::Result<String> {
        self.stream.get_mut().write_all(command.as_bytes())?;
        self.line()
    }

    pub fn set(&mut self, key: &str, flags: u32, value: &[u8]) -> io::Result<String> {
        let mut request = format!("set {key} {flags} 0 {}\r\n", value.len()).into_bytes();
        request.extend(value);
        request.extend(b"\r\n");
        self.stream.get_mut().write_all(&request)?;
        self.line()
    }

    /// Flags and value of each key that the server has.
    pub fn get(&mut self, keys: &[String]) -> io::Result<BTreeMap<String, (u32, Vec<u8>)>> {
        self.stream.get_mut().write_all(format!("get {}\r\n", keys.join(" ")).as_bytes())?;
        let mut found = BTreeMap::new();
        loop {
            let line = self.line()?;
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["END"] => return Ok(found),
                ["VALUE", key, flags, len] => {
                    let parsed =
                        flags.parse().ok().zip(len.parse::<usize>().ok().filter(|len| *len <= 2 << 20));
                    let (flags, len) = parsed.ok_or_else(|| protocol(line.clone()))?;
                    let mut value = vec![0; len + 2];
                    self.stream.read_exact(&mut value)?;
                    if !value.ends_with(b"\r\n") {
                        return Err(protocol(format!("no line end behind the value of {key}")));
                    }
                    value.truncate(len);
                    found.insert(key.to_owned(), (flags, value));
                }
                _ => return Err(protocol(line)),
            }
        }
    }

    /// One of the server's statistics.
    pub fn statistic(&mut self, name: &str) -> io::Result<u64> {
        self.stream.get_mut().write_all(b"stats\r\n")?;
        let mut value = None;
        loop {
            let line = self.line()?;
            if line == "END" {
                return value.ok_or_else(|| protocol(format!("no statistic {name}")));
            }
            let rest = line.strip_prefix("STAT ").ok_or_else(|| protocol(line.clone()))?;
            if let Some((_, number)) = rest.split_once(' ').filter(|(key, _)| *key == name) {
                value = number.parse().ok();
            }
        }
    }
}
