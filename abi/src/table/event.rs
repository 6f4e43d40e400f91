//! Readiness, pipes, event objects and System V IPC.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_event {
    ($callback:ident) => {
        $callback! {
            7 poll [event::poll] (fds: UserAddr, count: UInt, timeout: Int) [full] call;
            22 pipe [event::pipe] (fds: Out<[i32; 2]>) [full] call;
            23 select [event::select] (count: Int, reads: UserAddr, writes: UserAddr, exceptions: UserAddr, timeout: InOut<Timeval>) [full] call;
            64 semget [ipc::semget] (key: Int, count: Int, flags: Flags) [full] call;
            65 semop [ipc::semop] (id: Int, operations: UserAddr, count: UInt) [full] call;
            66 semctl [ipc::semctl] (id: Int, number: Int, command: Int, value: UserAddr) [full] call;
            68 msgget [ipc::msgget] (key: Int, flags: Flags) [full] call;
            69 msgsnd [ipc::msgsnd] (id: Int, message: UserAddr, size: Size, flags: Flags) [full] call;
            70 msgrcv [ipc::msgrcv] (id: Int, message: UserAddr, size: Size, kind: Long, flags: Flags) [full] call;
            71 msgctl [ipc::msgctl] (id: Int, command: Int, buf: UserAddr) [full] call;
            213 epoll_create [event::epoll_create] (size: Int) [full] call;
            214 epoll_ctl_old [] () [stub(ENOSYS)] call;
            215 epoll_wait_old [] () [stub(ENOSYS)] call;
            220 semtimedop [ipc::semtimedop] (id: Int, operations: UserAddr, count: UInt, timeout: In<Timespec>) [full] call;
            232 epoll_wait [event::epoll_wait] (epfd: Fd, events: UserAddr, max: Int, timeout: Int) [full] call;
            233 epoll_ctl [event::epoll_ctl] (epfd: Fd, operation: Int, fd: Fd, event: In<EpollEvent>) [full] call;
            240 mq_open [ipc::mq_open] (name: CStrPtr, flags: Flags, mode: Mode, attr: In<MqAttr>) [full] call;
            241 mq_unlink [ipc::mq_unlink] (name: CStrPtr) [full] call;
            242 mq_timedsend [ipc::mq_timedsend] (fd: Fd, text: UserAddr, size: Size, priority: UInt, timeout: In<Timespec>) [full] call;
            243 mq_timedreceive [ipc::mq_timedreceive] (fd: Fd, text: UserAddr, size: Size, priority: Out<u32>, timeout: In<Timespec>) [full] call;
            244 mq_notify [ipc::mq_notify] (fd: Fd, event: In<Sigevent>) [partial("no SIGEV_THREAD: EINVAL")] call;
            245 mq_getsetattr [ipc::mq_getsetattr] (fd: Fd, new: In<MqAttr>, old: Out<MqAttr>) [full] call;
            270 pselect6 [event::pselect6] (count: Int, reads: UserAddr, writes: UserAddr, exceptions: UserAddr, timeout: InOut<Timespec>, mask: In<SigsetArg>) [full] call;
            271 ppoll [event::ppoll] (fds: UserAddr, count: UInt, timeout: InOut<Timespec>, mask: In<u64>, size: Size) [full] call;
            281 epoll_pwait [event::epoll_pwait] (epfd: Fd, events: UserAddr, max: Int, timeout: Int, mask: In<u64>, size: Size) [full] call;
            284 eventfd [event::eventfd] (initial: UInt) [full] call;
            290 eventfd2 [event::eventfd2] (initial: UInt, flags: Flags) [full] call;
            291 epoll_create1 [event::epoll_create1] (flags: Flags) [full] call;
            293 pipe2 [event::pipe2] (fds: Out<[i32; 2]>, flags: Flags) [partial("no packet mode")] call;
            441 epoll_pwait2 [event::epoll_pwait2] (epfd: Fd, events: UserAddr, max: Int, timeout: In<Timespec>, mask: In<u64>, size: Size) [full] call;
        }
    };
}

pub(super) const AREA: &str = "event";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_event!(rows);
