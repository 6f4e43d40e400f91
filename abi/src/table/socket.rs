//! Sockets.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_socket {
    ($callback:ident) => {
        $callback! {
            41 socket [socket::socket] (family: Int, kind: UInt, protocol: Int) [partial("AF_UNIX, AF_INET, AF_INET6; AF_NETLINK: NETLINK_ROUTE, to read links, addresses and routes; no raw or packet sockets")] call;
            42 connect [socket::connect] (fd: Fd, address: InBuf) [partial("IPv6 only within the machine")] call;
            43 accept [socket::accept] (fd: Fd, address: UserAddr, length: InOut<u32>) [full] call;
            44 sendto [socket::sendto] (fd: Fd, buf: InBuf, flags: Flags, address: InBuf) [partial("no out-of-band data")] call;
            45 recvfrom [socket::recvfrom] (fd: Fd, buf: OutBuf, flags: Flags, address: UserAddr, length: InOut<u32>) [partial("no out-of-band data, no MSG_ERRQUEUE")] call;
            46 sendmsg [socket::sendmsg] (fd: Fd, message: In<MsgHdr>, flags: Flags) [partial("no out-of-band data; ancillary data: SCM_RIGHTS and SCM_CREDENTIALS")] call;
            47 recvmsg [socket::recvmsg] (fd: Fd, message: InOut<MsgHdr>, flags: Flags) [partial("no out-of-band data, no MSG_ERRQUEUE; ancillary data: SCM_RIGHTS and SCM_CREDENTIALS")] call;
            48 shutdown [socket::shutdown] (fd: Fd, how: Int) [full] call;
            49 bind [socket::bind] (fd: Fd, address: InBuf) [full] call;
            50 listen [socket::listen] (fd: Fd, backlog: Int) [full] call;
            51 getsockname [socket::getsockname] (fd: Fd, address: UserAddr, length: InOut<u32>) [full] call;
            52 getpeername [socket::getpeername] (fd: Fd, address: UserAddr, length: InOut<u32>) [full] call;
            53 socketpair [socket::socketpair] (family: Int, kind: UInt, protocol: Int, fds: Out<[i32; 2]>) [full] call;
            54 setsockopt [socket::setsockopt] (fd: Fd, level: Int, name: Int, value: InBuf) [partial("the options of kernel/net/src/options.rs")] call;
            55 getsockopt [socket::getsockopt] (fd: Fd, level: Int, name: Int, value: UserAddr, length: InOut<u32>) [partial("the options of kernel/net/src/options.rs")] call;
            288 accept4 [socket::accept4] (fd: Fd, address: UserAddr, length: InOut<u32>, flags: UInt) [full] call;
            299 recvmmsg [socket::recvmmsg] (fd: Fd, messages: InOut<MMsgHdr>, count: UInt, flags: Flags, timeout: InOut<Timespec>) [partial("as recvmsg")] call;
            307 sendmmsg [socket::sendmmsg] (fd: Fd, messages: InOut<MMsgHdr>, count: UInt, flags: Flags) [partial("as sendmsg")] call;
        }
    };
}

pub(super) const AREA: &str = "socket";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_socket!(rows);
