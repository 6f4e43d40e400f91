//! execve(2): from a path to an address space and the registers that a program starts with.
//!
//! [`load`] builds everything in a new address space, so that until it succeeds nothing is lost; [`replace`] then
//! puts the calling process into it. The file is untrusted: [`elf`] checks each number.

mod binary;
pub mod elf;
pub mod stack;

use self::binary::{Binary, map, resolve_script};
use crate::creds::Credentials;
use crate::exit;
use crate::process::{Process, Regions};
use crate::registry;
use crate::shared_page::SharedPageObject;
use crate::signal::deliver::{Extended, enter};
use crate::signal::frame;
use crate::thread::{self, Name, current};
use crate::usage::Usage;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use osv_abi::Errno;
use osv_abi::boot::LD_OSV_PATH;
use osv_abi::shared::{AT_OSV_COUNTS, AT_OSV_SHARED, AT_OSV_VECTOR};
use osv_abi::uapi::memory::{MapFlags, Prot};
use osv_abi::uapi::process::rlimit;
use osv_abi::uapi::signal::SigStack;
use osv_base::percpu::exit_work;
use osv_base::{Fail, Res};
use osv_hw::cpu::fpu::Control;
use osv_hw::gate::{self, UserRegs};
use osv_mm::pager::Pager;
use osv_mm::space::{AddressSpace, Object};
use osv_sync::Wait;
use osv_vfs::context::{Creds, FsContext};
use osv_vfs::entry::Entry;
use osv_vfs::text::Running;
use spin::Once;

const PAGE: u64 = 4096;
/// What is mapped for the stack at once, beyond its first contents; it grows by faults.
const STACK_ROOM: u64 = 128 << 10;

/// Whether programs run on the image's own dynamic linker and libc instead of ld-osv.
static OWN_LIBC: AtomicBool = AtomicBool::new(false);

/// Chooses whose libc programs get: the table in ld-osv, or the image's own (`libc=image`).
pub fn use_image_libc(own: bool) {
    OWN_LIBC.store(own, Ordering::Relaxed);
}

/// Memory that every program gets, where ld-osv counts the calls of libc's functions; none unless somebody asked.
static COUNTS: Once<Arc<dyn Pager>> = Once::new();

/// From now on programs count calls in `memory`.
pub fn count_calls_in(memory: Arc<dyn Pager>) {
    COUNTS.call_once(|| memory);
}

/// A program, loaded.
pub struct Program {
    pub(crate) space: Arc<AddressSpace>,
    pub(crate) regs: UserRegs,
    pub(crate) regions: Regions,
    pub(crate) name: Name,
    pub(crate) executable: Option<Running>,
    pub(crate) page: Arc<SharedPageObject>,
}

impl core::fmt::Debug for Program {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Program({:?} at {:#x})", self.space, self.regs.rip)
    }
}

/// On whose behalf and from where a program is looked up.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Root and working directory.
    pub fs: &'a FsContext,
    /// Ids.
    pub credentials: &'a Credentials,
    /// Bytes that the stack may take.
    pub stack_limit: u64,
    /// Number of the process that will run it.
    pub pid: u32,
}

/// Loads the program at `path` (relative to `dir`, or the working directory) with these arguments and environment
/// into a new address space.
pub fn load(
    caller: &Caller<'_>,
    dir: Option<&Arc<Entry>>,
    path: &[u8],
    follow: bool,
    args: &[Vec<u8>],
    env: &[Vec<u8>],
) -> Res<Program> {
    let creds = caller.credentials.for_files();
    let binary = Binary::open(caller, dir, path, follow, &creds)?;
    load_binary(caller, binary, path, args, env, &creds)
}

/// As [`load`], for a file that was found already (execveat with AT_EMPTY_PATH).
pub fn load_entry(
    caller: &Caller<'_>,
    entry: &Arc<Entry>,
    args: &[Vec<u8>],
    env: &[Vec<u8>],
) -> Res<Program> {
    let creds = caller.credentials.for_files();
    let binary = Binary::of(entry, &creds)?;
    load_binary(caller, binary, &entry.path(), args, env, &creds)
}

fn load_binary(
    caller: &Caller<'_>,
    binary: Binary,
    path: &[u8],
    args: &[Vec<u8>],
    env: &[Vec<u8>],
    creds: &Creds,
) -> Res<Program> {
    let mut args = args.to_vec();
    if args.is_empty() {
        // As Linux since 5.18: a program always has a name.
        args.push(Vec::new());
    }
    let binary = resolve_script(caller, binary, path, &mut args, creds)?;
    let plan = binary.plan()?;
    let space = AddressSpace::new()?;
    space.limits.stack.store(caller.stack_limit, Ordering::Relaxed);
    let layout = space.layout();
    let bias = map(&space, &binary, &plan, Some(layout.pie_base))?;
    let program_entry = plan.entry.wrapping_add(bias);
    space.set_brk_start(plan.span.end.wrapping_add(bias).wrapping_add(layout.brk_gap));

    let (mut entry, mut interpreter_base) = (program_entry, 0);
    if let Some(range) = &plan.interpreter {
        let named = binary.read_exact(range.start, (range.end - range.start) as usize)?;
        let named = named.split(|&b| b == 0).next().unwrap_or_default();
        let interpreter = open_interpreter(caller, named, creds)?;
        let its_plan = interpreter.plan().map_err(|_| Fail::Errno(Errno::ELIBBAD))?;
        interpreter_base = map(&space, &interpreter, &its_plan, None)?;
        entry = its_plan.entry.wrapping_add(interpreter_base);
    }

    let page = SharedPageObject::new(caller.pid)?;
    let object = Object { pager: page.clone(), offset: 0, max_prot: Prot::READ };
    let shared_at = space.map(0, PAGE, Prot::READ, MapFlags::SHARED, Some(object))?;

    let counts_at = match COUNTS.get() {
        Some(counts) => {
            let object = Object { pager: counts.clone(), offset: 0, max_prot: Prot::READ | Prot::WRITE };
            Some(space.map(0, counts.len(), Prot::READ | Prot::WRITE, MapFlags::SHARED, Some(object))?)
        }
        None => None,
    };

    let ids = caller.credentials;
    let headers = if plan.headers == 0 { 0 } else { plan.headers.wrapping_add(bias) };
    let aux = [
        (AT_OSV_VECTOR, gate::vector_address()),
        (AT_OSV_SHARED, shared_at),
        (AT_OSV_COUNTS, counts_at.unwrap_or(0)),
        (16, u64::from(hwcap())),
        (6, PAGE),
        (17, 100),
        (3, headers),
        (4, elf::PROGRAM_HEADER as u64),
        (5, plan.header_count as u64),
        (7, interpreter_base),
        (8, 0),
        (9, program_entry),
        (11, ids.user.real.into()),
        (12, ids.user.effective.into()),
        (13, ids.group.real.into()),
        (14, ids.group.effective.into()),
        (23, 0),
        (26, u64::from(osv_hw::cpu::features().fsgsbase) << 1),
        (27, crate::rseq::FEATURES),
        (28, crate::rseq::ALIGN),
        (51, frame::largest()),
    ];
    let mut random = [0; 16];
    osv_base::random::fill(&mut random);
    let contents = stack::Contents { args: &args, env, path, random, aux: &aux };
    let limit = usize::try_from(caller.stack_limit / 4).unwrap_or(usize::MAX).clamp(128 << 10, 6 << 20);
    let stack = stack::build(layout.stack_top, &contents, limit)?;
    let bottom = (stack.pointer - STACK_ROOM) & !(PAGE - 1);
    let mut prot = Prot::READ | Prot::WRITE;
    prot.set(Prot::EXEC, plan.executable_stack);
    let flags =
        MapFlags::PRIVATE | MapFlags::ANONYMOUS | MapFlags::GROWSDOWN | MapFlags::STACK | MapFlags::FIXED;
    space.map(bottom, layout.stack_top - bottom, prot, flags, None)?;
    space.write_all(stack.pointer, &stack.bytes)?;

    osv_debug_exec(bias, interpreter_base);
    let base_name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    Ok(Program {
        space,
        regs: UserRegs { rip: entry, rsp: stack.pointer, rflags: 0x202, ..UserRegs::default() },
        regions: stack.regions,
        name: thread::name_of(base_name),
        executable: Some(binary.running),
        page,
    })
}

/// Here a debugger's breakpoint learns where a program and its dynamic linker were loaded (`osv-pack run --gdb`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn osv_debug_exec(program: u64, linker: u64) {
    core::hint::black_box((program, linker));
}

/// ld-osv in place of the interpreter that the program names, unless the image's own is wanted or there is none.
fn open_interpreter(caller: &Caller<'_>, named: &[u8], creds: &Creds) -> Res<Binary> {
    if !OWN_LIBC.load(Ordering::Relaxed)
        && let Ok(binary) = Binary::open(caller, None, LD_OSV_PATH.as_bytes(), true, creds)
    {
        return Ok(binary);
    }
    Binary::open(caller, None, named, true, creds).inspect_err(|fail| {
        osv_base::warn!("the interpreter {} cannot be opened: {fail}", named.escape_ascii());
    })
}

/// The CPU's features as CPUID leaf 1 gives them in edx: AT_HWCAP.
fn hwcap() -> u32 {
    core::arch::x86_64::__cpuid(1).edx
}

/// Puts the calling process into `program`: the other threads end, what execve(2) resets is reset, and the program
/// starts. Returns only when the process is ending anyway.
pub fn replace(program: Program) -> Fail {
    let mut me = current();
    let process = me.process().clone();
    if let Err(fail) = become_alone(&process) {
        return fail;
    }
    let Program { space, regs, regions, name, executable, page } = program;
    page.publish();
    // The old memory goes; locks in it that the thread holds say so first.
    crate::robust::release(&me);
    me.own().robust_list.set(0);
    crate::rseq::set(Default::default());
    me.own().clear_child_tid.set(0);
    me.own().alt_stack.set(SigStack::default());
    process.set_space(Some(space.clone()));
    let old = me.set_space(Some(space));
    if let Some(old) = old {
        let peak = old.counts().resident_peak;
        process.ended_usage.lock().add(&Usage { resident_peak: peak, ..Usage::default() });
        if !process.shares_space.swap(false, Ordering::SeqCst) || Arc::strong_count(&old) == 1 {
            crate::activation::evict(&old);
        }
        drop(old);
    }
    osv_hw::context::set_fs_base(0);
    drop(process.fds().close_on_exec());
    process.actions.exec();
    process.timers.exec();
    *process.regions.lock() = regions;
    let old = core::mem::replace(&mut *process.executable.lock(), executable);
    drop(old);
    process.did_exec.store(true, Ordering::Relaxed);
    process.exit_signal.store(osv_abi::uapi::signal::sig::CHLD, Ordering::Relaxed);
    process.change_credentials(|ids| {
        ids.user.saved = ids.user.effective;
        ids.group.saved = ids.group.effective;
    });
    me.set_name(name);
    exit::finish_vfork(&process);
    drop(process);
    enter(regs, Extended::Initial(Control::INITIAL))
}

/// Ends the other threads of the calling thread's process and waits until they have.
fn become_alone(process: &Arc<Process>) -> Result<(), Fail> {
    let me = current();
    let others = || process.threads().into_iter().filter(|t| t.tid() != me.tid());
    if process.thread_count() > 1 {
        if process.is_execing.swap(true, Ordering::SeqCst) {
            // Another thread was first; it ends this one.
            return Err(Fail::Interrupted);
        }
        for other in others() {
            other.notify(exit_work::EXIT);
        }
        let alone = || (process.thread_count() == 1 || me.is_ending()).then_some(());
        let _ = process.children.wait_until(Wait::UNINTERRUPTIBLE, alone);
        process.is_execing.store(false, Ordering::SeqCst);
    }
    if me.is_ending() {
        return Err(Fail::Interrupted);
    }
    if me.tid() != process.pid() {
        registry::take_leader_tid(&me.share(), me.tid());
        me.become_leader();
    }
    Ok(())
}

/// The caller that the calling process is.
pub fn with_caller<R>(process: &Process, run: impl FnOnce(&Caller<'_>) -> R) -> R {
    let credentials = process.credentials();
    run(&Caller {
        fs: process.fs(),
        credentials: &credentials,
        stack_limit: process.limits.soft(rlimit::STACK),
        pid: process.pid(),
    })
}
