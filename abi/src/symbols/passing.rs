//! How a function of the table takes its arguments, for whoever steps between a program and it to count and time its
//! calls: with a frame of his own there, arguments on the stack have to be handed on.

use super::Symbol;

/// How arguments come, as far as it matters to who hands them on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// All in registers.
    Registers,
    /// So many words are on the stack.
    Stack(u8),
    /// Variadic: behind `named` integers and pointers come arguments that function `by` takes as a `va_list`.
    List {
        /// How many arguments are named.
        named: u8,
        /// The row of the function that takes the list.
        by: &'static str,
    },
    /// It must be entered by a jump: it returns twice or elsewhere, looks at who called it, or what it takes on the stack
    /// is of unknown length.
    Jump,
}

/// How `symbol`, a function, takes its arguments.
pub fn of(symbol: &Symbol) -> Passing {
    of_name(symbol.name, symbol.area == "math")
}

/// How the function of this name takes its arguments. `is_math`: its row stands in the area of that name.
pub fn of_name(name: &str, is_math: bool) -> Passing {
    if let Some((_, named, by)) = LISTS.iter().find(|(variadic, ..)| *variadic == name) {
        return Passing::List { named: *named, by };
    }
    if let Some((_, words)) = ON_STACK.iter().find(|(on_stack, _)| *on_stack == name) {
        return Passing::Stack(*words);
    }
    if JUMPS.contains(&name) || is_math && takes_long_double(name) {
        return Passing::Jump;
    }
    Passing::Registers
}

/// By C's rule for names; one of them (`cpowl`) takes eight words, and some take two.
fn takes_long_double(name: &str) -> bool {
    let stem = name.strip_suffix("_finite").unwrap_or(name);
    let stem = stem.strip_suffix("_r").unwrap_or(stem);
    stem.ends_with('l') && stem != "ceil" || matches!(stem, "nexttoward" | "nexttowardf")
}

const JUMPS: &[&str] = &[
    "__clone",
    "__libc_start_main",
    "__longjmp_chk",
    "__sigsetjmp",
    "__tls_get_addr",
    "__vfork",
    "_longjmp",
    "_setjmp",
    "clone",
    "dladdr",
    "dladdr1",
    "dlclose",
    "dlmopen",
    "dlopen",
    "dlsym",
    "dlvsym",
    "error",
    "error_at_line",
    "execl",
    "execle",
    "execlp",
    "getcontext",
    "longjmp",
    "makecontext",
    "setcontext",
    "setjmp",
    "siglongjmp",
    "strfmon",
    "strfmon_l",
    "swapcontext",
    "vfork",
];

const ON_STACK: &[(&str, u8)] = &[
    ("__res_mkquery", 3),
    ("gethostbyaddr_r", 2),
    ("gethostbyname2_r", 1),
    ("getnameinfo", 1),
    ("getnetbyaddr_r", 1),
    ("re_match_2", 2),
    ("re_search_2", 3),
    ("res_mkquery", 3),
    ("res_nmkquery", 4),
    ("syscall", 1),
];

const LISTS: &[(&str, u8, &str)] = &[
    ("_IO_fprintf", 2, "vfprintf"),
    ("_IO_printf", 1, "vprintf"),
    ("__asprintf", 2, "vasprintf"),
    ("__asprintf_chk", 3, "__vasprintf_chk"),
    ("__dprintf_chk", 3, "__vdprintf_chk"),
    ("__fprintf_chk", 3, "__vfprintf_chk"),
    ("__fwprintf_chk", 3, "__vfwprintf_chk"),
    ("__isoc23_fscanf", 2, "__isoc23_vfscanf"),
    ("__isoc23_scanf", 1, "__isoc23_vscanf"),
    ("__isoc23_sscanf", 2, "__isoc23_vsscanf"),
    ("__isoc99_fscanf", 2, "__isoc99_vfscanf"),
    ("__isoc99_fwscanf", 2, "__isoc99_vfwscanf"),
    ("__isoc99_scanf", 1, "__isoc99_vscanf"),
    ("__isoc99_sscanf", 2, "__isoc99_vsscanf"),
    ("__isoc99_swscanf", 2, "__isoc99_vswscanf"),
    ("__isoc99_wscanf", 1, "__isoc99_vwscanf"),
    ("__obstack_printf_chk", 3, "__obstack_vprintf_chk"),
    ("__printf_chk", 2, "__vprintf_chk"),
    ("__snprintf_chk", 5, "__vsnprintf_chk"),
    ("__sprintf_chk", 4, "__vsprintf_chk"),
    ("__swprintf_chk", 5, "__vswprintf_chk"),
    ("__syslog_chk", 3, "__vsyslog_chk"),
    ("__wprintf_chk", 2, "__vwprintf_chk"),
    ("asprintf", 2, "vasprintf"),
    ("dprintf", 2, "vdprintf"),
    ("err", 2, "verr"),
    ("errx", 2, "verrx"),
    ("fprintf", 2, "vfprintf"),
    ("fscanf", 2, "vfscanf"),
    ("fwprintf", 2, "vfwprintf"),
    ("fwscanf", 2, "vfwscanf"),
    ("obstack_printf", 2, "obstack_vprintf"),
    ("printf", 1, "vprintf"),
    ("scanf", 1, "vscanf"),
    ("snprintf", 3, "vsnprintf"),
    ("sprintf", 2, "vsprintf"),
    ("sscanf", 2, "vsscanf"),
    ("swprintf", 3, "vswprintf"),
    ("swscanf", 2, "vswscanf"),
    ("syslog", 2, "vsyslog"),
    ("warn", 1, "vwarn"),
    ("warnx", 1, "vwarnx"),
    ("wprintf", 1, "vwprintf"),
    ("wscanf", 1, "vwscanf"),
];
