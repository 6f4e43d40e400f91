//! Panics that pass libc's frames, threads and join handles.
use std::ffi::{c_int, c_void};
use std::panic::catch_unwind;

unsafe extern "C-unwind" {
    fn qsort(
        base: *mut c_void,
        count: usize,
        size: usize,
        compare: unsafe extern "C-unwind" fn(*const c_void, *const c_void) -> c_int,
    );
}

struct OnWay(&'static str);

impl Drop for OnWay {
    fn drop(&mut self) {
        println!("dropped {}", self.0);
    }
}

unsafe extern "C-unwind" fn compare(_: *const c_void, _: *const c_void) -> c_int {
    let _on_way = OnWay("in the callback");
    panic!("in the callback")
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let caught = catch_unwind(|| {
        let _on_way = OnWay("outside");
        let mut numbers = [3, 1, 2];
        unsafe { qsort(numbers.as_mut_ptr().cast(), 3, 4, compare) };
    });
    println!("through qsort: {:?}", caught.unwrap_err().downcast_ref::<&str>());
    let joined = std::thread::spawn(|| panic!("in a thread")).join();
    println!("joined: {:?}", joined.unwrap_err().downcast_ref::<&str>());
    let trace = std::backtrace::Backtrace::force_capture().to_string();
    println!("traced main: {}", trace.contains("panics::main"));
}
