//! Sockets.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_socket {
    ($callback:ident) => {
        $callback! {
            41 socket [] () [stub(ENOSYS)] call;
            42 connect [] () [stub(ENOSYS)] call;
            43 accept [] () [stub(ENOSYS)] call;
            44 sendto [] () [stub(ENOSYS)] call;
            45 recvfrom [] () [stub(ENOSYS)] call;
            46 sendmsg [] () [stub(ENOSYS)] call;
            47 recvmsg [] () [stub(ENOSYS)] call;
            48 shutdown [] () [stub(ENOSYS)] call;
            49 bind [] () [stub(ENOSYS)] call;
            50 listen [] () [stub(ENOSYS)] call;
            51 getsockname [] () [stub(ENOSYS)] call;
            52 getpeername [] () [stub(ENOSYS)] call;
            53 socketpair [] () [stub(ENOSYS)] call;
            54 setsockopt [] () [stub(ENOSYS)] call;
            55 getsockopt [] () [stub(ENOSYS)] call;
            288 accept4 [] () [stub(ENOSYS)] call;
            299 recvmmsg [] () [stub(ENOSYS)] call;
            307 sendmmsg [] () [stub(ENOSYS)] call;
        }
    };
}

pub(super) const AREA: &str = "socket";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_socket!(rows);
