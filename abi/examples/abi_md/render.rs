//! The tables of `osv_abi` as a Markdown document; the example prints it, `tests/docs.rs` compares it.

use osv_abi::symbols::{self, Provider, Symbol};
use osv_abi::table::{self, Entry, Row, Status};
use std::collections::BTreeMap;
use std::fmt::Write;

/// How to make docs/abi.md anew.
pub const COMMAND: &str = "cargo run -q -p osv-abi --example abi_md > docs/abi.md";

/// How many rows have which status.
#[derive(Clone, Copy, Default)]
struct Count {
    full: usize,
    partial: usize,
    stub: usize,
}

impl Count {
    fn of(statuses: impl Iterator<Item = Status>) -> Count {
        let mut count = Count::default();
        for status in statuses {
            match status {
                Status::Full => count.full += 1,
                Status::Partial(_) => count.partial += 1,
                Status::Stub(_) => count.stub += 1,
            }
        }
        count
    }

    fn cells(self) -> String {
        let Count { full, partial, stub } = self;
        format!("{} | {full} | {partial} | {stub}", full + partial + stub)
    }
}

/// The whole document.
pub fn document() -> String {
    let mut out = String::from(
        "# The ABI: system calls and libc symbols\n\n\
         Made from the tables in `abi/src/table/` and `abi/src/symbols/`; not edited by hand. To make it anew:\n\n",
    );
    // Writing to a String does not fail.
    let _ = write!(out, "    {COMMAND}\n\n");
    out.push_str(
        "A status is what the row itself says, and no more tested than its tests:\n\n\
         * **full**: all that the man page says for what can happen here;\n\
         * **partial**: works but for what the note says;\n\
         * **stub**: fails with the errno in the note, and names itself once; wrong arguments may fail before.\n\n\
         A system call that is not listed gives `ENOSYS`. A symbol's status speaks of the libc half alone: what it asks\n\
         of the kernel is worth what the row of that system call says.\n\n",
    );
    syscalls(&mut out);
    symbols(&mut out);
    out
}

fn syscalls(out: &mut String) {
    out.push_str(
        "## System calls\n\n\
         Entry says how ld-osv.so enters the kernel: *call* through the vector, or *trap*, always by the `syscall`\n\
         instruction. Whatever else executes `syscall` reaches the same handlers. Argument types are those of\n\
         `abi/src/arg.rs`; one such as `OutBuf` (pointer and length) stands for two registers.\n\n\
         | Area | rows | full | partial | stub |\n|---|---:|---:|---:|---:|\n",
    );
    for (area, rows) in table::AREAS {
        let _ = writeln!(out, "| {area} | {} |", Count::of(rows.iter().map(|row| row.status)).cells());
    }
    let _ = writeln!(out, "| all | {} |", Count::of(table::all().map(|row| row.status)).cells());
    out.push_str("\n| nr | name | arguments | status | entry | note |\n|---:|---|---|---|---|---|\n");
    let mut rows: Vec<&Row> = table::all().collect();
    rows.sort_by_key(|row| row.nr);
    for row in rows {
        let args: Vec<String> =
            row.args.iter().map(|(name, ty)| format!("{name}: {}", type_text(ty))).collect();
        let args = if args.is_empty() { String::new() } else { format!("`{}`", args.join(", ")) };
        let (status, note) = status(row.status);
        let entry = match row.entry {
            Entry::Call => "call",
            Entry::Trap => "trap",
        };
        let (nr, name) = (row.nr, row.name);
        let _ = writeln!(out, "| {nr} | {name} | {} | {status} | {entry} | {} |", cell(&args), cell(&note));
    }
    out.push('\n');
}

fn symbols(out: &mut String) {
    out.push_str(
        "## Symbols\n\n\
         What ld-osv.so serves in place of libc.so.6, libm.so.6 and their kin. `osv-pack check PROGRAM` tells the\n\
         same of one program.\n\n\
         | Area | rows | full | partial | stub |\n|---|---:|---:|---:|---:|\n",
    );
    let mut areas: BTreeMap<&str, Vec<&Symbol>> = BTreeMap::new();
    for symbol in symbols::ROWS {
        areas.entry(symbol.area).or_default().push(symbol);
    }
    for (area, rows) in &areas {
        let _ = writeln!(out, "| {area} | {} |", Count::of(rows.iter().map(|row| row.status)).cells());
    }
    let _ = writeln!(out, "| all | {} |", Count::of(symbols::ROWS.iter().map(|row| row.status)).cells());

    out.push_str("\n| Provider | rows | full | partial | stub |\n|---|---:|---:|---:|---:|\n");
    for (provider, title) in
        [(Provider::Rust, "Rust"), (Provider::Musl, "musl"), (Provider::Link, "the linker itself")]
    {
        let rows = symbols::ROWS.iter().filter(|row| row.provider == provider);
        let _ = writeln!(out, "| {title} | {} |", Count::of(rows.map(|row| row.status)).cells());
    }

    out.push_str("\n### Symbols that are not full\n\n| name | area | status | note |\n|---|---|---|---|\n");
    let mut rows: Vec<&Symbol> = symbols::ROWS.iter().filter(|row| row.status != Status::Full).collect();
    rows.sort_by_key(|row| row.name);
    for row in rows {
        let (status, note) = status(row.status);
        let _ = writeln!(out, "| {} | {} | {status} | {} |", row.name, row.area, cell(&note));
    }
}

fn status(status: Status) -> (&'static str, String) {
    match status {
        Status::Full => ("full", String::new()),
        Status::Partial(note) => ("partial", note.into()),
        Status::Stub(errno) => ("stub", errno.name().map_or_else(|| errno.to_string(), String::from)),
    }
}

/// A type's tokens as one writes them: how `stringify!` spaces them is not fixed.
fn type_text(tokens: &str) -> String {
    tokens.replace(" <", "<").replace("< ", "<").replace(" >", ">")
}

/// Text that cannot end a cell or a line of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}
