//! Readiness, pipes, event objects and System V IPC.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_event {
    ($callback:ident) => {
        $callback! {
            7 poll [] () [stub(ENOSYS)] call;
            22 pipe [] () [stub(ENOSYS)] call;
            23 select [] () [stub(ENOSYS)] call;
            64 semget [] () [stub(ENOSYS)] call;
            65 semop [] () [stub(ENOSYS)] call;
            66 semctl [] () [stub(ENOSYS)] call;
            68 msgget [] () [stub(ENOSYS)] call;
            69 msgsnd [] () [stub(ENOSYS)] call;
            70 msgrcv [] () [stub(ENOSYS)] call;
            71 msgctl [] () [stub(ENOSYS)] call;
            213 epoll_create [] () [stub(ENOSYS)] call;
            214 epoll_ctl_old [] () [stub(ENOSYS)] call;
            215 epoll_wait_old [] () [stub(ENOSYS)] call;
            220 semtimedop [] () [stub(ENOSYS)] call;
            232 epoll_wait [] () [stub(ENOSYS)] call;
            233 epoll_ctl [] () [stub(ENOSYS)] call;
            240 mq_open [] () [stub(ENOSYS)] call;
            241 mq_unlink [] () [stub(ENOSYS)] call;
            242 mq_timedsend [] () [stub(ENOSYS)] call;
            243 mq_timedreceive [] () [stub(ENOSYS)] call;
            244 mq_notify [] () [stub(ENOSYS)] call;
            245 mq_getsetattr [] () [stub(ENOSYS)] call;
            270 pselect6 [] () [stub(ENOSYS)] call;
            271 ppoll [] () [stub(ENOSYS)] call;
            281 epoll_pwait [] () [stub(ENOSYS)] call;
            284 eventfd [] () [stub(ENOSYS)] call;
            290 eventfd2 [] () [stub(ENOSYS)] call;
            291 epoll_create1 [] () [stub(ENOSYS)] call;
            293 pipe2 [] () [stub(ENOSYS)] call;
            441 epoll_pwait2 [] () [stub(ENOSYS)] call;
        }
    };
}

pub(super) const AREA: &str = "event";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_event!(rows);
