//! The vector: one shim for each row of the table.

use crate::cx::Cx;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_abi::shared::VECTOR_LEN;
use osv_abi::{Errno, UserAddr};
use osv_base::percpu::exit_work;
use osv_base::{Fail, Res};
use osv_hw::gate::{Frame, Handler};

/// What a call returns inside the kernel when a signal interrupted it before it did anything. The exit path of
/// `osv_task::signal` makes a restart or EINTR of it; the application never sees it.
pub use osv_task::signal::RESTART;

/// What a handler may return.
pub trait IntoRet {
    /// The value in rax: not in -4095..0, which means an error.
    fn into_ret(self) -> isize;
}

impl IntoRet for () {
    #[inline(always)]
    fn into_ret(self) -> isize {
        0
    }
}

impl IntoRet for UserAddr {
    #[inline(always)]
    fn into_ret(self) -> isize {
        self.0.cast_signed() as isize
    }
}

impl IntoRet for osv_abi::arg::Fd {
    #[inline(always)]
    fn into_ret(self) -> isize {
        self.0 as isize
    }
}

macro_rules! integers {
    ($($t:ty)*) => {$(
        impl IntoRet for $t {
            #[inline(always)]
            fn into_ret(self) -> isize { self as isize }
        }
    )*};
}
integers!(isize usize i32 u32 i64 u64);

/// The end of every shim.
#[inline(always)]
fn finish<R: IntoRet>(result: Res<R>) -> isize {
    match result {
        Ok(value) => value.into_ret(),
        Err(Fail::Errno(errno)) => errno.to_ret(),
        Err(Fail::Interrupted) => interrupted(),
    }
}

#[cold]
fn interrupted() -> isize {
    // Whoever took the signal in the meantime: the exit path must see RESTART.
    osv_task::current().entity.head.exit_work.fetch_or(exit_work::SIGNAL, Ordering::Relaxed);
    RESTART
}

/// Rows that were already reported as stubs.
static REPORTED: [AtomicU64; VECTOR_LEN / 64] = [const { AtomicU64::new(0) }; VECTOR_LEN / 64];

#[cold]
fn report_stub(nr: u64, name: &str) {
    let bit = 1 << (nr % 64);
    if let Some(word) = REPORTED.get(nr as usize / 64)
        && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
    {
        osv_base::warn!("system call {nr} ({name}) is not implemented");
    }
}

extern "C" fn unknown(frame: &mut Frame) -> isize {
    report_stub(frame.nr, "unknown");
    Errno::ENOSYS.to_ret()
}

/// What a handler makes of the frame's arguments.
macro_rules! handled {
    ($frame:ident, [$($handler:tt)+] ($($arg:ident: $ty:ty),*)) => {{
        #[allow(unused_imports, clippy::allow_attributes, reason = "not every row has arguments")]
        use osv_abi::arg::*;
        #[allow(unused_mut, unused_variables, clippy::allow_attributes, reason = "not every row has arguments")]
        let mut reader = osv_abi::arg::ArgReader::new(&$frame.args);
        $(let $arg: $ty = reader.take();)*
        crate::$($handler)+(&mut Cx::new($frame) $(, $arg)*)
    }};
}

/// A row's shim.
macro_rules! shim {
    ($name:ident [] ($($args:tt)*) [stub($errno:ident)]) => {{
        extern "C" fn stub(frame: &mut Frame) -> isize {
            report_stub(frame.nr, stringify!($name));
            Errno::$errno.to_ret()
        }
        stub
    }};
    ($name:ident [$($look:tt)+] ($($arg:ident: $ty:ty),*) [stub($errno:ident)]) => {{
        extern "C" fn stub(frame: &mut Frame) -> isize {
            let looked: Res<()> = handled!(frame, [$($look)+] ($($arg: $ty),*));
            if looked.is_ok() {
                report_stub(frame.nr, stringify!($name));
            }
            finish(looked.and(Err::<(), _>(Errno::$errno.into())))
        }
        stub
    }};
    ($name:ident [$($handler:tt)+] ($($arg:ident: $ty:ty),*) [$($status:tt)*]) => {{
        extern "C" fn shim(frame: &mut Frame) -> isize {
            finish(handled!(frame, [$($handler)+] ($($arg: $ty),*)))
        }
        shim
    }};
}

/// Expands an area's rows to numbers and shims.
macro_rules! shims {
    ($($nr:literal $name:ident [$($handler:tt)*] ($($arg:ident: $ty:ty),* $(,)?) [$($status:tt)*] $entry:ident;)*) => {
        &[$(($nr, { shim!($name [$($handler)*] ($($arg: $ty),*) [$($status)*]) } as Handler)),*]
    };
}

const AREAS: [&[(usize, Handler)]; 8] = [
    osv_abi::syscalls_file!(shims),
    osv_abi::syscalls_memory!(shims),
    osv_abi::syscalls_process!(shims),
    osv_abi::syscalls_signal!(shims),
    osv_abi::syscalls_time!(shims),
    osv_abi::syscalls_event!(shims),
    osv_abi::syscalls_socket!(shims),
    osv_abi::syscalls_system!(shims),
];

/// The table that bring-up installs in the gate.
pub static HANDLERS: [Handler; VECTOR_LEN] = {
    let mut table: [Handler; VECTOR_LEN] = [unknown; VECTOR_LEN];
    let mut area = 0;
    while area < AREAS.len() {
        let mut row = 0;
        while row < AREAS[area].len() {
            let (nr, handler) = AREAS[area][row];
            table[nr] = handler;
            row += 1;
        }
        area += 1;
    }
    table
};

/// Installs the table in the gate and says how interrupted calls are run anew. Bring-up does so once, before the
/// first application runs.
pub fn install() {
    osv_hw::gate::install(&HANDLERS);
    osv_task::exit::register_at_end(crate::ipc::process_ended);
    osv_task::signal::deliver::register_dispatch(crate::observe::again);
}
