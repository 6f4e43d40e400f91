//! Exported functions against the `libc` crate, when this compiles: as many arguments, and each of the same size and
//! kind of register, so that an argument that was forgotten or swapped for a wider one is an error here.
//!
//! Types are not compared further: a `FILE *` is `*mut c_void` here, and a handler may be a number.

/// How a value travels.
#[derive(Clone, Copy)]
struct Way {
    size: usize,
    float: bool,
}

trait Value {
    const WAY: Way;
}

macro_rules! values {
    ($($ty:ty)*; $($float:ty)*) => {
        $( impl Value for $ty { const WAY: Way = Way { size: size_of::<$ty>(), float: false }; } )*
        $( impl Value for $float { const WAY: Way = Way { size: size_of::<$float>(), float: true }; } )*
    };
}

values! { () i8 u8 i16 u16 i32 u32 i64 u64 isize usize libc::sigval; f32 f64 }

impl<T: ?Sized> Value for *const T {
    const WAY: Way = Way { size: 8, float: false };
}

impl<T: ?Sized> Value for *mut T {
    const WAY: Way = Way { size: 8, float: false };
}

impl<T> Value for Option<T> {
    const WAY: Way = Way { size: size_of::<Option<T>>(), float: false };
}

/// The ways of arguments and result, the result last.
trait Shape: Copy {
    const SHAPE: &'static [Way];
}

macro_rules! shapes {
    ($($($arg:ident)*;)*) => { $(
        impl<R: Value, $($arg: Value),*> Shape for unsafe extern "C" fn($($arg),*) -> R {
            const SHAPE: &'static [Way] = &[$($arg::WAY,)* R::WAY];
        }
        impl<R, $($arg),*> Value for unsafe extern "C" fn($($arg),*) -> R {
            const WAY: Way = Way { size: 8, float: false };
        }
        impl<R, $($arg),*> Value for extern "C" fn($($arg),*) -> R {
            const WAY: Way = Way { size: 8, float: false };
        }
    )* };
}

shapes! { ; A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; }

const fn shape<F: Shape>(_: F) -> &'static [Way] {
    F::SHAPE
}

const fn same(ours: &[Way], theirs: &[Way]) -> bool {
    if ours.len() != theirs.len() {
        return false;
    }
    let mut index = 0;
    while index < ours.len() {
        if ours[index].size != theirs[index].size || ours[index].float != theirs[index].float {
            return false;
        }
        index += 1;
    }
    true
}

macro_rules! pointer {
    (0) => { unsafe extern "C" fn() -> _ };
    (1) => { unsafe extern "C" fn(_) -> _ };
    (2) => { unsafe extern "C" fn(_, _) -> _ };
    (3) => { unsafe extern "C" fn(_, _, _) -> _ };
    (4) => { unsafe extern "C" fn(_, _, _, _) -> _ };
    (5) => { unsafe extern "C" fn(_, _, _, _, _) -> _ };
    (6) => { unsafe extern "C" fn(_, _, _, _, _, _) -> _ };
    (7) => { unsafe extern "C" fn(_, _, _, _, _, _, _) -> _ };
}

macro_rules! check {
    ($($count:tt: $($name:ident)*;)*) => {
        $($( const _: () = assert!(
            same(shape(osv_posix::c::$name as pointer!($count)), shape(libc::$name as pointer!($count))),
            concat!(stringify!($name), " is another function in the libc crate")
        ); )*)*
        /// All of them.
        const CHECKED: &[&str] = &[$($(stringify!($name)),*),*];
    };
}

check! {
    0: __libc_current_sigrtmax __libc_current_sigrtmin fork gnu_get_libc_release gnu_get_libc_version
        pthread_self;
    1: atoi atol atoll duplocale free freelocale gai_strerror hstrerror malloc pthread_attr_destroy
        pthread_attr_init pthread_cond_broadcast pthread_cond_destroy pthread_cond_signal
        pthread_condattr_destroy pthread_condattr_init pthread_detach pthread_getspecific pthread_key_delete
        pthread_mutex_destroy pthread_mutex_lock pthread_mutex_trylock pthread_mutex_unlock
        pthread_mutexattr_destroy pthread_mutexattr_init pthread_rwlock_destroy pthread_rwlock_rdlock
        pthread_rwlock_tryrdlock pthread_rwlock_trywrlock pthread_rwlock_unlock pthread_rwlock_wrlock
        pthread_rwlockattr_destroy pthread_rwlockattr_init raise sched_getscheduler sem_destroy sem_post
        sem_trywait sem_wait sigemptyset sigfillset sigpending strerror strsignal time tolower toupper;
    2: aligned_alloc calloc clock_gettime gettimeofday memalign pthread_attr_getstacksize
        pthread_attr_setdetachstate pthread_attr_setstacksize pthread_cond_init pthread_cond_wait
        pthread_equal pthread_join pthread_key_create pthread_mutex_init pthread_mutexattr_settype
        pthread_rwlock_init pthread_rwlockattr_getkind_np pthread_rwlockattr_setkind_np pthread_setspecific
        pthread_tryjoin_np realloc sched_getparam sched_setparam setlocale sigaddset sigaltstack sigdelset
        sigismember signal sigwaitinfo;
    3: close_range fnmatch newlocale posix_memalign pthread_attr_getaffinity_np pthread_attr_setaffinity_np
        pthread_cond_timedwait pthread_sigqueue pthread_timedjoin_np reallocarray sched_setaffinity
        sched_setscheduler sem_init sigaction sigprocmask sigqueue sigtimedwait tgkill wcstombs;
    4: getgrent_r getpwent_r qsort;
    5: fgetgrent_r fgetpwent_r preadv2 preadv64v2 pwritev2 pwritev64v2 qsort_r renameat2 statx;
}

#[test]
fn what_is_checked_is_exported() {
    for name in CHECKED {
        assert!(osv_abi::symbols::find(name).is_some(), "{name} has no row");
    }
}
