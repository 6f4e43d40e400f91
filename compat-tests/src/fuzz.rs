//! The list for `programs/fuzz/fuzz.c`, made from the table of system calls: each row with the kinds of its arguments,
//! and with the values that have names where they have.

use osv_abi::table::{self, Row};
use osv_abi::trace::names;
use std::fmt::Write;

/// Rows that are not called, and why.
pub const EXCLUDED: &[(&str, &str)] = &[
    (
        "exit",
        "the child would end before its other calls, and say nothing of the kernel that its end does not say",
    ),
    ("exit_group", "as exit"),
    ("mount", "one tree of files for all: a mount over the folder of the rounds would end them"),
    ("move_mount", "as mount"),
    ("pivot_root", "as mount"),
    ("umount2", "as mount"),
    ("reboot", "would end the machine, as it should"),
    ("kexec_load", "as reboot"),
    ("kexec_file_load", "as reboot"),
];

/// The rows, one to a line.
pub fn rows() -> String {
    let mut text = String::new();
    for row in table::all().filter(|row| !EXCLUDED.iter().any(|(name, _)| *name == row.name)) {
        let _ = write!(text, "{} {}", row.nr, row.name);
        for (name, kind) in row.args {
            let _ = write!(text, " {}", argument(row, name, kind));
        }
        text.push('\n');
    }
    text
}

fn argument(row: &Row, name: &str, kind: &str) -> String {
    if let Some((word, known)) = names::meaning(row.name, name).and_then(names::Meaning::values) {
        let values: Vec<String> = known.iter().map(|(_, value)| format!("{value:x}")).collect();
        return format!("{word}:{}", values.join(","));
    }
    let word = match kind {
        "Fd" => "fd",
        "CStrPtr" => "path",
        "Pid" => "pid",
        "Sig" => "sig",
        "Size" => "size",
        "InBuf" | "OutBuf" => "buf",
        "UserAddr" => "addr",
        // What has named values and a type of its own.
        "Prot" => "bits:1,2,4,8,1000000,2000000",
        "MapFlags" => "bits:1,2,3,10,20,22,32,40,100,2000,4000,8000,10000,20000,40000,100000",
        "RemapFlags" => "bits:1,2,4",
        "SyncFlags" | "LockAllFlags" | "LockFlags" => "bits:1,2,4",
        "Advice" => "value:0,1,2,3,4,8,9,a,b,c,d,e,f,10,11,12,13,14,15,16,17,18,19",
        _ if kind.contains('<') => "addr",
        _ => "int",
    };
    word.to_owned()
}

#[cfg(test)]
mod tests;
