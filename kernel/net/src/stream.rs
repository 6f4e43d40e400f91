//! A connected byte stream, whatever carries it: a TCP flow, or paired rings within the machine.

use crate::control::Control;
use crate::local::Taken;
use crate::options::Tuning;
use alloc::sync::Arc;
use core::net::SocketAddr;
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Res};
use osv_sync::Events;
use osv_vfs::OpenFile;

/// One attempt at an operation that may have to wait.
pub type Try<T> = Option<Res<T>>;

/// Which halves to close, as shutdown(2) names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shutdown {
    /// SHUT_RD
    Read,
    /// SHUT_WR
    Write,
    /// SHUT_RDWR
    Both,
}

impl Shutdown {
    /// Whether the reading half closes.
    pub fn read(self) -> bool {
        self != Shutdown::Write
    }
    /// Whether the writing half closes.
    pub fn write(self) -> bool {
        self != Shutdown::Read
    }
}

/// A connected stream. The `try_` operations never sleep for data: `None` means that the call has to wait for
/// readiness.
pub trait Stream: Send + Sync {
    /// Takes received bytes, or with `peek` copies them and leaves them. `Some(Ok(0))` at the end of the stream
    /// (or, with `to.faulted()`, when nothing could be copied).
    fn try_recv(&self, to: &mut dyn Sink, peek: bool) -> Try<usize>;
    /// Queues bytes to send; as many as there is room for.
    fn try_send(&self, from: &mut dyn Source) -> Try<usize>;
    /// As [`Stream::try_send`], and more is to follow at once: less than a full segment may wait for it (MSG_MORE).
    fn try_send_more(&self, from: &mut dyn Source) -> Try<usize> {
        self.try_send(from)
    }
    /// As [`Stream::try_recv`], with what travelled beside the bytes.
    fn try_recv_message(&self, to: &mut dyn Sink, peek: bool) -> Try<Taken> {
        let received = self.try_recv(to, peek);
        received.map(|r| r.map(|len| Taken { len, full_len: len, control: Control::default() }))
    }
    /// As [`Stream::try_send`], with `control` beside the first byte.
    fn try_send_with(&self, from: &mut dyn Source, _control: &mut Control) -> Try<usize> {
        self.try_send(from)
    }
    /// Queues a record, whole, on a stream of records.
    fn try_send_record(&self, _bytes: &[u8], _control: &mut Control) -> Try<usize> {
        Some(Err(Errno::EOPNOTSUPP.into()))
    }
    /// What holds now.
    fn poll(&self) -> Events;
    /// Bytes that a read would find (FIONREAD).
    fn readable_bytes(&self) -> usize;
    /// Bytes not yet acknowledged by the peer (SIOCOUTQ).
    fn unsent_bytes(&self) -> usize {
        0
    }
    /// Closes one or both halves.
    fn shutdown(&self, how: Shutdown);
    /// The descriptor is gone. `reset`: SO_LINGER with a time of zero.
    fn close(&self, reset: bool);
    /// Takes the pending error (SO_ERROR).
    fn take_error(&self) -> Option<Errno>;
    /// Own address; `None` for a family without IP addresses.
    fn local(&self) -> Option<SocketAddr>;
    /// The peer's address.
    fn peer(&self) -> Option<SocketAddr>;
    /// TCP_NODELAY.
    fn set_nodelay(&self, _on: bool) {}
    /// TCP_CORK.
    fn set_cork(&self, _on: bool) {}
    /// Takes over what was set on the socket of how it is kept and marked.
    fn tune(&self, _tuning: &Tuning) {}
    /// SO_PASSCRED of this end.
    fn set_pass_creds(&self, _on: bool) {}
    /// Whether this end wants credentials with what it receives.
    fn passes_creds(&self) -> bool {
        false
    }
    /// Whether either end does.
    fn wants_creds(&self) -> bool {
        false
    }
    /// Shows the files that wait to be received.
    fn visit_files(&self, _visit: &mut dyn FnMut(&Arc<OpenFile>)) {}
    /// Lets go of the files that wait to be received.
    fn discard_files(&self) {}
    /// The state for TCP_INFO, numbered as Linux does (TCP_ESTABLISHED is 1).
    fn tcp_state(&self) -> u8 {
        1
    }
}
