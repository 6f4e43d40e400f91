use super::mutex::*;
use super::{barrier::*, cond::*, keys::*, once::*, rwlock::*, semaphore::*};
use crate::futex::Timespec;
use core::cell::UnsafeCell;
use core::mem::zeroed;
use osv_abi::errno::Errno;
use std::sync::Arc;
use std::vec::Vec;

/// Something that C code shares between threads by address.
struct Shared<T>(UnsafeCell<T>);
// SAFETY: the pthread objects inside synchronise.
unsafe impl<T> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Shared<T> {}

impl<T> Shared<T> {
    fn zeroed() -> Arc<Shared<T>> {
        // SAFETY: all-zero is every pthread object's static initialiser.
        Arc::new(Shared(UnsafeCell::new(unsafe { zeroed() })))
    }
    fn at(&self) -> *mut T {
        self.0.get()
    }
}

fn together(count: usize, body: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        let body = &body;
        let threads: Vec<_> = (0..count).map(|index| scope.spawn(move || body(index))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

fn counts_under_a_mutex(kind: i32) {
    let mutex = Shared::<Mutex>::zeroed();
    let counter = Shared::<u64>::zeroed();
    // SAFETY: the objects live through the scope.
    unsafe {
        let mut attr = 0u32;
        pthread_mutexattr_settype(&raw mut attr, kind);
        pthread_mutex_init(mutex.at(), &raw const attr);
        together(4, |_| {
            for _ in 0..20_000 {
                assert_eq!(pthread_mutex_lock(mutex.at()), 0);
                *counter.at() += 1;
                assert_eq!(pthread_mutex_unlock(mutex.at()), 0);
            }
        });
        assert_eq!(*counter.at(), 80_000);
    }
}

#[test]
fn mutexes_of_every_kind_exclude() {
    (0..4).for_each(counts_under_a_mutex);
}

#[test]
fn glibcs_static_initialisers_are_understood() {
    let mutex = Shared::<Mutex>::zeroed();
    // SAFETY: PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP stores 1 at byte 16.
    unsafe {
        mutex.at().byte_add(16).cast::<u32>().write(1);
        assert_eq!(pthread_mutex_lock(mutex.at()), 0);
        assert_eq!(pthread_mutex_lock(mutex.at()), 0);
        assert_eq!(pthread_mutex_unlock(mutex.at()), 0);
        together(1, |_| assert_eq!(pthread_mutex_trylock(mutex.at()), Errno::EBUSY.get()));
        assert_eq!(pthread_mutex_unlock(mutex.at()), 0);
        assert_eq!(pthread_mutex_unlock(mutex.at()), Errno::EPERM.get());
    }
}

#[test]
fn an_error_checking_mutex_says_deadlock() {
    let mutex = Shared::<Mutex>::zeroed();
    // SAFETY: the object lives.
    unsafe {
        let attr = 2u32;
        pthread_mutex_init(mutex.at(), &raw const attr);
        assert_eq!(pthread_mutex_lock(mutex.at()), 0);
        assert_eq!(pthread_mutex_lock(mutex.at()), Errno::EDEADLK.get());
        together(1, |_| {
            assert_eq!(pthread_mutex_unlock(mutex.at()), Errno::EPERM.get());
            let past = Timespec { seconds: 1, nanoseconds: 0 };
            assert_eq!(pthread_mutex_timedlock(mutex.at(), &raw const past), Errno::ETIMEDOUT.get());
        });
    }
}

#[test]
fn a_token_goes_round_by_condition() {
    let mutex = Shared::<Mutex>::zeroed();
    let cond = Shared::<Cond>::zeroed();
    let turn = Shared::<usize>::zeroed();
    // SAFETY: the objects live through the scope.
    together(3, |me| unsafe {
        for _ in 0..2000 {
            pthread_mutex_lock(mutex.at());
            while *turn.at() % 3 != me {
                assert_eq!(pthread_cond_wait(cond.at(), mutex.at()), 0);
            }
            *turn.at() += 1;
            pthread_cond_broadcast(cond.at());
            pthread_mutex_unlock(mutex.at());
        }
    });
    // SAFETY: nobody waits any more.
    unsafe {
        assert_eq!(*turn.at(), 6000);
        assert_eq!(pthread_cond_destroy(cond.at()), 0);
    }
}

#[test]
fn a_wait_ends_at_its_deadline_with_the_mutex_held() {
    let mutex = Shared::<Mutex>::zeroed();
    let cond = Shared::<Cond>::zeroed();
    let past = Timespec { seconds: 1, nanoseconds: 0 };
    // SAFETY: the objects live.
    unsafe {
        pthread_mutex_lock(mutex.at());
        assert_eq!(pthread_cond_timedwait(cond.at(), mutex.at(), &raw const past), Errno::ETIMEDOUT.get());
        assert_eq!(pthread_mutex_trylock(mutex.at()), Errno::EBUSY.get());
    }
}

#[test]
fn semaphores_lose_no_post() {
    let (full, empty) = (Shared::<Semaphore>::zeroed(), Shared::<Semaphore>::zeroed());
    // SAFETY: the objects live through the scope.
    unsafe {
        sem_init(full.at(), 0, 0);
        sem_init(empty.at(), 0, 2);
        together(4, |me| {
            for _ in 0..5000 {
                let (take, give) = if me % 2 == 0 { (&empty, &full) } else { (&full, &empty) };
                assert_eq!(sem_wait(take.at()), 0);
                assert_eq!(sem_post(give.at()), 0);
            }
        });
        let mut value = -1;
        sem_getvalue(empty.at(), &raw mut value);
        assert_eq!(value, 2);
        assert_eq!(sem_trywait(full.at()), -1);
    }
}

#[test]
fn writers_exclude_readers() {
    for kind in [0, 2] {
        let lock = Shared::<RwLock>::zeroed();
        let pair = Shared::<[u64; 2]>::zeroed();
        // SAFETY: the objects live through the scope.
        unsafe {
            pthread_rwlock_init(lock.at(), &raw const *&[0, kind]);
            together(4, |me| {
                for _ in 0..5000 {
                    if me == 0 {
                        assert_eq!(pthread_rwlock_wrlock(lock.at()), 0);
                        (*pair.at())[0] += 1;
                        (*pair.at())[1] += 1;
                    } else {
                        assert_eq!(pthread_rwlock_rdlock(lock.at()), 0);
                        assert_eq!((*pair.at())[0], (*pair.at())[1]);
                    }
                    assert_eq!(pthread_rwlock_unlock(lock.at()), 0);
                }
            });
            assert_eq!((*pair.at())[0], 5000);
        }
    }
}

#[test]
fn a_barrier_has_one_serial_thread_a_round() {
    let barrier = Shared::<Barrier>::zeroed();
    let serial = core::sync::atomic::AtomicU32::new(0);
    // SAFETY: the object lives through the scope.
    unsafe {
        pthread_barrier_init(barrier.at(), core::ptr::null(), 4);
        together(4, |_| {
            for _ in 0..500 {
                if pthread_barrier_wait(barrier.at()) == -1 {
                    serial.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
                }
            }
        });
        assert_eq!(pthread_barrier_destroy(barrier.at()), 0);
    }
    assert_eq!(serial.into_inner(), 500);
}

#[test]
fn once_is_once() {
    static RUNS: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(0);
    unsafe extern "C" fn run() {
        std::thread::sleep(std::time::Duration::from_millis(5));
        RUNS.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
    }
    let control = Shared::<core::sync::atomic::AtomicU32>::zeroed();
    together(4, |_| {
        // SAFETY: the control lives through the scope.
        unsafe { pthread_once(control.at(), run) };
        assert_eq!(RUNS.load(core::sync::atomic::Ordering::Relaxed), 1);
    });
}

#[test]
fn a_key_holds_a_value_for_each_thread() {
    // SAFETY: the key is ours.
    unsafe {
        let mut key = 0;
        assert_eq!(pthread_key_create(&raw mut key, 0), 0);
        together(3, |me| {
            assert!(pthread_getspecific(key).is_null());
            let value = core::ptr::without_provenance_mut(me + 1);
            assert_eq!(pthread_setspecific(key, value), 0);
            assert_eq!(pthread_getspecific(key), value);
        });
        assert_eq!(pthread_key_delete(key), 0);
        assert_eq!(pthread_setspecific(key, core::ptr::without_provenance(1)), Errno::EINVAL.get());
    }
}
