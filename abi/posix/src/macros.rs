//! How a C function is written.

/// Defines C functions: C's calling convention, exported under the private name `__osv_NAME`, body unsafe.
///
/// What a manual page demands of the caller is what the body may rely on; a body relies on nothing else.
macro_rules! posix {
    ($( $(#[$meta:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block )*) => { $(
        #[doc = concat!("`", stringify!($name), "`, as its manual page says.")]
        $(#[$meta])*
        /// # Safety
        /// The contract of the manual page.
        #[unsafe(export_name = concat!("__osv_", stringify!($name)))]
        pub unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: the C caller keeps the manual page's contract; the body relies on that alone.
            unsafe { $body }
        }
    )* };
}
