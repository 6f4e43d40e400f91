//! Process 1: the kernel's own. It starts the application as process 2, reaps whatever is orphaned, and knows when
//! the application has ended.

use crate::creds::Credentials;
use crate::exec::{self, Caller};
use crate::limits::Limits;
use crate::process::{self, Process};
use crate::registry::{self, Wanted, Which};
use crate::rseq;
use crate::signal::SigSet;
use crate::status::Status;
use crate::thread::{self, Start, Thread, Vectors};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_abi::uapi::process::rlimit;
use osv_abi::uapi::signal::{SigStack, Siginfo, code, sig};
use osv_base::Res;
use osv_hw::cpu::fpu::Control;
use osv_sync::Wait;
use osv_tty::Tty;
use osv_vfs::context::FsContext;
use osv_vfs::fd_table::FdTable;

/// The application, as the boot configuration describes it.
#[derive(Debug)]
pub struct Application {
    /// Absolute path of the program.
    pub path: Vec<u8>,
    /// Arguments, its name first.
    pub args: Vec<Vec<u8>>,
    /// Environment.
    pub env: Vec<Vec<u8>>,
    /// User and group.
    pub credentials: Credentials,
    /// Root and working directory.
    pub fs: Arc<FsContext>,
    /// Descriptors: the standard streams.
    pub fds: Arc<FdTable>,
    /// Its controlling terminal.
    pub terminal: Option<Arc<Tty>>,
}

/// Starts the application; an error is one of execve(2). Called on a kernel thread.
pub fn start(application: Application) -> Res<Arc<Process>> {
    let init = registry::kernel_process();
    // A copy: what the application changes is its own.
    init.set_fs(Arc::new(application.fs.fork()));
    let limits = Limits::default();
    let pid = registry::draw_pid()?;
    let program = exec::load(
        &Caller {
            fs: &application.fs,
            credentials: &application.credentials,
            stack_limit: limits.soft(rlimit::STACK),
            pid,
        },
        None,
        &application.path,
        true,
        &application.args,
        &application.env,
    )?;
    program.page.publish();
    let process = Process::new(process::Plan {
        pid,
        fds: application.fds,
        fs: Some(application.fs),
        actions: Arc::default(),
        credentials: application.credentials,
        limits,
        space: Some(program.space.clone()),
        exit_signal: sig::CHLD,
        executable: program.executable,
        regions: program.regions,
        nice: 0,
        parent: None,
    });
    let thread = Thread::create(thread::Plan {
        tid: pid,
        process: process.clone(),
        name: program.name,
        mask: SigSet::EMPTY,
        space: Some(program.space),
        fs_base: 0,
        clear_child_tid: 0,
        alt_stack: SigStack::default(),
        rseq: rseq::Registration::default(),
        start: Start::Application {
            regs: Box::new(program.regs),
            vectors: Vectors::Initial(Control::INITIAL),
            set_tid: 0,
        },
    })?;
    registry::add_process(&process, registry::INIT, registry::INIT, registry::INIT);
    registry::add_thread(&thread);
    if let Some(tty) = &application.terminal {
        registry::terminals::start_session_on(pid, tty);
    }
    crate::exit::finish_vfork(&process);
    thread.launch();
    Ok(process)
}

/// Reaps children until `application` has ended; gives how.
pub fn wait_for(application: &Arc<Process>) -> Status {
    let init = registry::kernel_process();
    loop {
        let ended = || match registry::child_event(registry::INIT, Which::Any, Wanted::ENDS) {
            Ok(Some(event)) => Some(event),
            _ => None,
        };
        if let Ok(event) = init.children.wait_until(Wait::UNINTERRUPTIBLE, ended)
            && Arc::ptr_eq(&event.process, application)
        {
            return event.status;
        }
    }
}

/// Sends the application a signal on behalf of the machine: the supervisor's, or SIGTERM for the power button.
pub fn signal(application: &Arc<Process>, signo: u32) {
    crate::signal::send::to_process(application, Siginfo::sent(signo, code::SI_USER, registry::INIT, 0, 0));
}

/// Starts the kernel threads that this crate needs: the reaper and the timer thread.
pub fn start_services() -> Result<(), osv_mm::OutOfMemory> {
    // It has little to do and others wait for what it frees.
    thread::spawn_kernel("reaper", || osv_sched::reap())?.entity.set_nice(-20);
    thread::spawn_kernel("timers", || osv_sync::timer::serve())?;
    osv_mm::pressure::set_overdrawn(crate::note_overdrawn);
    osv_mm::pressure::register(Arc::new(crate::stack::KeptStacks))?;
    thread::spawn_kernel("shrinkers", || osv_mm::pressure::run_shrinkers())?;
    Ok(())
}
