//! Which calls are traced: the expressions of strace's `-e trace=`.

use crate::table::{self, Row};
use alloc::string::{String, ToString};
use core::fmt;

/// A set of calls, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    chosen: [bool; crate::shared::VECTOR_LEN],
}

/// A word that is neither a call nor a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFilter(pub String);

impl fmt::Display for BadFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is neither a system call nor one of {}", self.0, CLASS_NAMES)
    }
}

impl core::error::Error for BadFilter {}

const CLASS_NAMES: &str = "all, none, file, desc, process, network, signal, memory, ipc, time, event, system";

/// Whether `row` belongs to the class of this name; `None` where there is no such class. Classes that strace knows
/// too mean what they mean there; the others are areas of the table.
fn class(name: &str, row: &Row) -> Option<bool> {
    let takes = |kind: &str| row.args.iter().any(|(_, ty)| *ty == kind);
    let is_named = |names: &str| names.split(' ').any(|name| name == row.name);
    let ipc = "shmget shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl";
    Some(match name {
        "all" => true,
        "none" => false,
        "file" => {
            takes("CStrPtr") && !is_named("memfd_create fsetxattr fgetxattr fremovexattr mq_open mq_unlink")
                || is_named("getcwd")
        }
        "desc" => takes("Fd") || row.name.contains("fd") || is_named("pipe pipe2 epoll_create epoll_create1"),
        "process" => is_named(
            "fork vfork clone clone3 execve execveat exit exit_group wait4 waitid kill tkill tgkill \
             pidfd_open pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo",
        ),
        "network" | "net" => row.area == "socket" || is_named("sendfile"),
        "ipc" => is_named(ipc),
        "signal" | "memory" | "time" | "event" | "system" => row.area == name,
        _ => return None,
    })
}

impl Filter {
    /// Every call.
    pub fn all() -> Filter {
        Filter { chosen: [true; crate::shared::VECTOR_LEN] }
    }

    /// Names and classes with commas between them, as `open,read` or `%file,network`; a `!` before all of it chooses
    /// the others; `trace=` before it is allowed.
    pub fn parse(text: &str) -> Result<Filter, BadFilter> {
        let text = text.strip_prefix("trace=").unwrap_or(text);
        let (inverted, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let mut chosen = [false; crate::shared::VECTOR_LEN];
        for word in text.split(',') {
            // A leading `?` means to strace that the call may not exist.
            let (optional, word) = word.strip_prefix('?').map_or((false, word), |rest| (true, rest));
            let name = word.strip_prefix('%').unwrap_or(word);
            let mut known = optional;
            for row in table::all() {
                let of_class = class(name, row);
                known |= of_class.is_some() || row.name == word;
                chosen[usize::from(row.nr)] |= of_class == Some(true) || row.name == word;
            }
            if !known {
                return Err(BadFilter(word.to_string()));
            }
        }
        if inverted {
            chosen = chosen.map(|chosen| !chosen);
        }
        Ok(Filter { chosen })
    }

    /// Whether call `nr` is in it.
    pub fn has(&self, nr: usize) -> bool {
        self.chosen.get(nr).copied().unwrap_or(true)
    }
}
