//! Readiness, pipes, event objects and System V IPC.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_event {
    ($callback:ident) => {
        $callback! {
            7 poll [event::poll] (fds: UserAddr, count: UInt, timeout: Int) [full] call;
            22 pipe [event::pipe] (fds: Out<[i32; 2]>) [full] call;
            23 select [event::select] (count: Int, reads: UserAddr, writes: UserAddr, exceptions: UserAddr, timeout: InOut<Timeval>) [full] call;
            64 semget [] () [stub(ENOSYS)] call;
            65 semop [] () [stub(ENOSYS)] call;
            66 semctl [] () [stub(ENOSYS)] call;
            68 msgget [] () [stub(ENOSYS)] call;
            69 msgsnd [] () [stub(ENOSYS)] call;
            70 msgrcv [] () [stub(ENOSYS)] call;
            71 msgctl [] () [stub(ENOSYS)] call;
            213 epoll_create [event::epoll_create] (size: Int) [full] call;
            214 epoll_ctl_old [] () [stub(ENOSYS)] call;
            215 epoll_wait_old [] () [stub(ENOSYS)] call;
            220 semtimedop [] () [stub(ENOSYS)] call;
            232 epoll_wait [event::epoll_wait] (epfd: Fd, events: UserAddr, max: Int, timeout: Int) [full] call;
            233 epoll_ctl [event::epoll_ctl] (epfd: Fd, operation: Int, fd: Fd, event: In<EpollEvent>) [full] call;
            240 mq_open [] () [stub(ENOSYS)] call;
            241 mq_unlink [] () [stub(ENOSYS)] call;
            242 mq_timedsend [] () [stub(ENOSYS)] call;
            243 mq_timedreceive [] () [stub(ENOSYS)] call;
            244 mq_notify [] () [stub(ENOSYS)] call;
            245 mq_getsetattr [] () [stub(ENOSYS)] call;
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
