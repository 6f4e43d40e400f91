//! Rows of System V and POSIX message queues, semaphores, shared memory, aio.

/// Calls `callback! { ipc; rows }` with the rows of System V and POSIX message queues, semaphores, shared memory, aio.
#[macro_export]
macro_rules! symbols_ipc {
    ($($callback:tt)+) => {
        $($callback)+! {
            ipc;
            aio_cancel: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_cancel64: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_error: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_error64: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_fsync: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_fsync64: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_read: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_read64: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_return: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_return64: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_suspend: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_suspend64: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_write: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            aio_write64: func, musl, ["GLIBC_2.2.5", "GLIBC_2.34"], full;
            ftok: func, musl, ["GLIBC_2.2.5"], full;
            lio_listio: func, musl, ["GLIBC_2.2.5", "GLIBC_2.4", "GLIBC_2.34"], full;
            lio_listio64: func, musl, ["GLIBC_2.2.5", "GLIBC_2.4", "GLIBC_2.34"], full;
            mq_close: func, musl, ["GLIBC_2.3.4", "GLIBC_2.34"], full;
            mq_getattr: func, musl, ["GLIBC_2.3.4", "GLIBC_2.34"], full;
            mq_notify: func, musl, ["GLIBC_2.3.4", "GLIBC_2.34"], full;
            mq_open: func, musl, ["GLIBC_2.3.4", "GLIBC_2.34"], full;
            mq_receive: func, musl, ["GLIBC_2.3.4", "GLIBC_2.34"], full;
            mq_send: func, musl, ["GLIBC_2.3.4", "GLIBC_2.34"], full;
            mq_setattr: func, musl, ["GLIBC_2.3.4", "GLIBC_2.34"], full;
            mq_timedreceive: func, musl, ["GLIBC_2.3.4", "GLIBC_2.34"], full;
            mq_timedsend: func, musl, ["GLIBC_2.3.4", "GLIBC_2.34"], full;
            mq_unlink: func, musl, ["GLIBC_2.3.4", "GLIBC_2.34"], full;
            msgctl: func, musl, ["GLIBC_2.2.5"], full;
            msgget: func, musl, ["GLIBC_2.2.5"], full;
            msgrcv: func, musl, ["GLIBC_2.2.5"], full;
            msgsnd: func, musl, ["GLIBC_2.2.5"], full;
            semctl: func, musl, ["GLIBC_2.2.5"], full;
            semget: func, musl, ["GLIBC_2.2.5"], full;
            semop: func, musl, ["GLIBC_2.2.5"], full;
            semtimedop: func, musl, ["GLIBC_2.3.3"], full;
            shmat: func, musl, ["GLIBC_2.2.5"], full;
            shmctl: func, musl, ["GLIBC_2.2.5"], full;
            shmdt: func, musl, ["GLIBC_2.2.5"], full;
            shmget: func, musl, ["GLIBC_2.2.5"], full;
        }
    };
}
