//! A stand-in for an application: a page of code, two pages of stack, and registers to start it with.
//!
//! The application runs as a thread of its own, on its own kernel stack. It ends by row [`DONE`] or by a fault, and
//! the test gets to see how.

use alloc::boxed::Box;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use osv_abi::shared::VECTOR_LEN;
use osv_base::PhysAddr;
use osv_base::percpu::ThreadHead;
use osv_hw::context::{self, Context};
use osv_hw::cpu;
use osv_hw::gate::{self, Frame, Handler, InterruptFrame, UserRegs};
use osv_hw::layout::KERNEL_STACK_SIZE;
use osv_hw::upcall::{self, Access, Upcalls};
use osv_mm::frame::{Frame as Page, Use};
use osv_mm::mmu::{Entry, PageTable, Pte, Size, mmu};

pub const CODE: u64 = 0x40_0000;
pub const STACK: u64 = 0x50_0000;
pub const STACK_TOP: u64 = STACK + 0x2000;
/// Mapped read-only.
pub const READ_ONLY: u64 = 0x60_0000;
/// Not mapped; the page fault upcall maps it when asked to.
pub const HOLE: u64 = 0x70_0000;

/// Row that ends the application.
pub const DONE: u64 = 0;
/// Row that gives its first argument plus one.
pub const PLUS_ONE: u64 = 1;
/// Row that clobbers all that a handler may clobber, and gives the flags that it saw.
pub const CLOBBER: u64 = 2;
/// Row that asks for work on exit.
pub const WORK: u64 = 3;

/// How an application ended.
pub enum End {
    /// By [`DONE`], with this frame.
    Done(Frame),
    /// By a fault.
    Fault(InterruptFrame),
}

#[repr(C, align(4096))]
struct KernelStack([u8; KERNEL_STACK_SIZE]);

struct Cell<T>(UnsafeCell<T>);
// SAFETY: only the boot CPU runs tests, one at a time.
unsafe impl<T> Sync for Cell<T> {}

static MAIN: Cell<Context> = Cell(UnsafeCell::new(Context::empty()));
static APP: Cell<Context> = Cell(UnsafeCell::new(Context::empty()));
static END: Cell<Option<End>> = Cell(UnsafeCell::new(None));
static REGS: Cell<Option<UserRegs>> = Cell(UnsafeCell::new(None));
static TABLE: Cell<Option<Box<dyn PageTable>>> = Cell(UnsafeCell::new(None));
static CODE_PAGE: AtomicUsize = AtomicUsize::new(0);
static APP_STACK: AtomicUsize = AtomicUsize::new(0);

static MAIN_HEAD: ThreadHead = head();
pub static APP_HEAD: ThreadHead = head();

const fn head() -> ThreadHead {
    ThreadHead {
        exit_work: AtomicU32::new(0),
        flags: AtomicU32::new(0),
        kernel_stack_top: AtomicUsize::new(0),
    }
}

/// Ticks of the timer since boot, and how far apart they are; 0: none.
pub static TICKS: AtomicU64 = AtomicU64::new(0);
pub static TICK_NS: AtomicU64 = AtomicU64::new(0);
/// Calls of the exit paths.
pub static EXITS: AtomicU64 = AtomicU64::new(0);
pub static RETURNS: AtomicU64 = AtomicU64::new(0);
/// What the timer sets in `exit_work`.
pub static TICK_WORK: AtomicU32 = AtomicU32::new(0);
/// Called before a return to the application.
pub static ON_RETURN: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

extern "C" fn done(frame: &mut Frame) -> isize {
    finish(End::Done(frame.clone()))
}

extern "C" fn plus_one(frame: &mut Frame) -> isize {
    frame.args[0] as isize + 1
}

extern "C" fn clobber(_frame: &mut Frame) -> isize {
    let flags: u64;
    // SAFETY: clobbers only what is declared.
    unsafe {
        core::arch::asm!(
            "pushfq", "pop {f}",
            "pcmpeqb xmm0, xmm0", "pcmpeqb xmm1, xmm1", "pcmpeqb xmm7, xmm7", "pcmpeqb xmm15, xmm15",
            f = out(reg) flags, out("xmm0") _, out("xmm1") _, out("xmm7") _, out("xmm15") _,
            out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _, out("r8") _, out("r9") _, out("r10") _,
            out("r11") _,
        );
    }
    flags as isize
}

extern "C" fn work(_frame: &mut Frame) -> isize {
    APP_HEAD.exit_work.store(1, Ordering::Relaxed);
    7
}

extern "C" fn no_row(_frame: &mut Frame) -> isize {
    -38
}

static HANDLERS: [Handler; VECTOR_LEN] = {
    let mut table: [Handler; VECTOR_LEN] = [no_row; VECTOR_LEN];
    table[DONE as usize] = done;
    table[PLUS_ONE as usize] = plus_one;
    table[CLOBBER as usize] = clobber;
    table[WORK as usize] = work;
    table
};

/// Goes back to the test.
fn finish(end: End) -> ! {
    cpu::disable_interrupts();
    // SAFETY: the test waits in `run` and touches nothing until the switch is over.
    unsafe {
        *END.0.get() = Some(end);
        context::switch(APP.0.get(), MAIN.0.get(), &raw const MAIN_HEAD);
    }
    unreachable!("the application ended")
}

fn page_fault(addr: u64, _access: Access, _frame: &mut InterruptFrame) -> bool {
    if addr & !0xfff != HOLE {
        return false;
    }
    // Slow on purpose, with interrupts on: other frames come and go on this stack.
    let ticks = TICKS.load(Ordering::Relaxed);
    while TICK_NS.load(Ordering::Relaxed) != 0 && TICKS.load(Ordering::Relaxed) < ticks + 3 {
        core::hint::spin_loop();
    }
    map(HOLE, Pte::READ | Pte::WRITE);
    true
}

fn app_fault(frame: &mut InterruptFrame) {
    finish(End::Fault(frame.clone()))
}

fn timer() {
    TICKS.fetch_add(1, Ordering::Relaxed);
    APP_HEAD.exit_work.fetch_or(TICK_WORK.load(Ordering::Relaxed), Ordering::Relaxed);
    arm();
}

/// Arms the timer as [`TICK_NS`] says.
fn arm() {
    let gap = TICK_NS.load(Ordering::Relaxed);
    let deadline =
        if gap == 0 { osv_base::Instant::FOREVER } else { osv_base::Instant(osv_hw::clock::now().0 + gap) };
    osv_hw::clock::set_timer(deadline);
}

fn before_return(frame: &mut InterruptFrame) {
    RETURNS.fetch_add(1, Ordering::Relaxed);
    APP_HEAD.exit_work.store(0, Ordering::Relaxed);
    let hook = ON_RETURN.load(Ordering::Relaxed);
    if !hook.is_null() {
        // SAFETY: tests only store functions of this type.
        let hook: fn(&mut InterruptFrame) = unsafe { core::mem::transmute(hook) };
        hook(frame);
    }
}

fn exit_to_app(frame: &mut Frame, ret: isize) -> isize {
    EXITS.fetch_add(1, Ordering::Relaxed);
    APP_HEAD.exit_work.store(0, Ordering::Relaxed);
    osv_hw::percpu::head().need_resched.store(0, Ordering::Relaxed);
    if frame.nr == WORK {
        frame.rbx += 1;
        frame.full_restore = 1;
    }
    ret
}

fn preempt() {
    osv_hw::percpu::head().need_resched.store(0, Ordering::Relaxed);
}

/// Registers the upcalls, makes the boot context a thread, and maps the application's pages.
pub fn prepare() {
    gate::install(&HANDLERS);
    upcall::register(Upcalls {
        page_fault,
        app_fault,
        timer,
        reschedule_ipi: || {},
        preempt,
        before_return_to_app: before_return,
        exit_to_app,
    });
    let head = osv_hw::percpu::head();
    MAIN_HEAD.kernel_stack_top.store(head.kernel_stack_top.load(Ordering::Relaxed), Ordering::Relaxed);
    let stack = Box::into_raw(Box::<KernelStack>::new_uninit()).expose_provenance();
    APP_STACK.store(stack, Ordering::Relaxed);
    APP_HEAD.kernel_stack_top.store(stack + KERNEL_STACK_SIZE, Ordering::Relaxed);
    let table = mmu().new_table().expect("memory");
    // SAFETY: the table stays; its upper half is the kernel's.
    unsafe {
        osv_hw::paging::activate(table.root());
        *TABLE.0.get() = Some(table);
    }
    let code = map(CODE, Pte::READ | Pte::WRITE | Pte::EXEC);
    CODE_PAGE.store(osv_hw::layout::direct(code).0 as usize, Ordering::Relaxed);
    map(STACK, Pte::READ | Pte::WRITE);
    map(STACK + 0x1000, Pte::READ | Pte::WRITE);
    map(READ_ONLY, Pte::READ);
}

fn map(at: u64, flags: Pte) -> PhysAddr {
    let phys = Page::zeroed(Use::User).expect("memory").into_phys();
    // SAFETY: one test at a time.
    let table = unsafe { (*TABLE.0.get()).as_mut() }.expect("prepared");
    table.map(at, Entry { phys, size: Size::Small, flags }).expect("memory");
    phys
}

/// Takes the page at [`HOLE`] away again.
pub fn unmap_hole() {
    // SAFETY: one test at a time.
    let table = unsafe { (*TABLE.0.get()).as_mut() }.expect("prepared");
    table.update(HOLE..HOLE + 0x1000, &mut |_, _| None);
    mmu().flush_here(HOLE);
    table.reap();
}

extern "C" fn start(_: usize) -> ! {
    // SAFETY: `run` filled it in and waits.
    let regs = unsafe { (*REGS.0.get()).expect("set") };
    // SAFETY: this thread's own stack, nothing to drop.
    unsafe { gate::enter_application(&regs) }
}

/// Runs `code` (position-independent) with the call vector's address in rdi, and whatever `setup` makes of the
/// registers. The timer ticks every `tick_ns`.
pub fn run(code: &[u8], tick_ns: u64, setup: impl FnOnce(&mut UserRegs)) -> End {
    let at: *mut u8 = core::ptr::with_exposed_provenance_mut(CODE_PAGE.load(Ordering::Relaxed));
    assert!(code.len() <= 4096, "code fits a page");
    // SAFETY: the page is the application's, which does not run.
    unsafe { at.copy_from_nonoverlapping(code.as_ptr(), code.len()) };
    let mut regs = UserRegs {
        rip: CODE,
        rsp: STACK_TOP - 256,
        rflags: 0x202,
        rdi: gate::vector_address(),
        ..UserRegs::default()
    };
    setup(&mut regs);
    APP_HEAD.exit_work.store(0, Ordering::Relaxed);
    cpu::disable_interrupts();
    TICK_NS.store(tick_ns, Ordering::Relaxed);
    arm();
    // SAFETY: the application's thread does not run; its stack is its own.
    unsafe {
        *REGS.0.get() = Some(regs);
        let top = APP_STACK.load(Ordering::Relaxed) + KERNEL_STACK_SIZE;
        *APP.0.get() = Context::new(top, start, 0, 0);
        context::switch(MAIN.0.get(), APP.0.get(), &raw const APP_HEAD);
    }
    TICK_NS.store(0, Ordering::Relaxed);
    TICK_WORK.store(0, Ordering::Relaxed);
    ON_RETURN.store(core::ptr::null_mut(), Ordering::Relaxed);
    arm();
    cpu::enable_interrupts();
    // SAFETY: the application is over.
    unsafe { (*END.0.get()).take() }.expect("it ended")
}

/// Position-independent code for [`run`]: `blob!(NAME, "instruction", ...)`.
macro_rules! blob {
    ($name:ident, $($line:literal),* $(,)?) => {{
        mod $name {
            core::arch::global_asm!(
            ".pushsection .rodata.selftest, \"a\"",
            concat!(".globl osv_blob_", stringify!($name)), concat!("osv_blob_", stringify!($name), ":"),
            $($line,)*
            concat!(".globl osv_blob_end_", stringify!($name)), concat!("osv_blob_end_", stringify!($name), ":"),
            ".popsection",
            );
        }
        unsafe extern "C" {
            #[link_name = concat!("osv_blob_", stringify!($name))]
            static START: u8;
            #[link_name = concat!("osv_blob_end_", stringify!($name))]
            static END: u8;
        }
        let start = &raw const START;
        let len = (&raw const END).addr() - start.addr();
        // SAFETY: the bytes between two labels of one section.
        unsafe { core::slice::from_raw_parts(start, len) }
    }};
}
pub(super) use blob;
