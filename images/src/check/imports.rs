//! Symbols: what objects ask others for, and whether some object or the table has it.

use super::{Finding, Verdict, verdict};
use crate::elf::{Elf, Import};
use crate::libraries::SERVED;
use osv_abi::symbols;

/// Functions through which a program asks for what no table of its file lists.
const UNDECIDABLE: &[(&str, &str)] = &[
    ("dlopen", "loads libraries by a name that only it knows"),
    ("dlmopen", "loads libraries by a name that only it knows"),
    ("dlsym", "asks for symbols by a name that only it knows"),
    ("dlvsym", "asks for symbols by a name that only it knows"),
    ("syscall", "calls a number that only it knows"),
];

/// What the objects, the program first, ask the libc family for.
pub fn findings(objects: &[(String, Elf<'_>)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (object, elf) in objects {
        for (name, import) in elf.imports() {
            let what = match import.version {
                Some((version, _)) => format!("{name}@{version}"),
                None => name.to_string(),
            };
            if let Some((_, why)) = UNDECIDABLE.iter().find(|(known, _)| *known == name) {
                let verdict = Verdict::Undecidable((*why).into());
                findings.push(Finding { verdict, what: name.into(), wanted_by: object.clone() });
            }
            if let Some(verdict) = judge(name, &import, objects) {
                findings.push(Finding { verdict, what, wanted_by: object.clone() });
            }
        }
    }
    findings
}

/// What an object that may stand beside others, such as a plugin, asks a libc for by version.
pub fn findings_of_libc(object: &(String, Elf<'_>), others: &[(String, Elf<'_>)]) -> Vec<Finding> {
    let (name, elf) = object;
    let versioned = elf.imports().into_iter().filter_map(|(symbol, import)| {
        let (version, _) = import.version.filter(|(_, file)| SERVED.contains(file))?;
        let verdict = judge(symbol, &import, others)?;
        Some(Finding { verdict, what: format!("{symbol}@{version}"), wanted_by: name.clone() })
    });
    versioned.collect()
}

/// `None`: not ours, an object of the program has it, or nobody needs to have it.
fn judge(name: &str, import: &Import<'_>, objects: &[(String, Elf<'_>)]) -> Option<Verdict> {
    if objects.iter().any(|(_, elf)| elf.defines(name)) {
        return None;
    }
    let version = import.version.map(|(version, _)| version);
    let from_libc = import.version.is_none_or(|(_, file)| SERVED.contains(&file));
    let row = symbols::find(name).map(|row| &symbols::ROWS[row]).filter(|_| from_libc);
    match row {
        Some(row) if row.has_version(version) => Some(verdict(row.status)),
        // The linker binds it and says so.
        Some(row) => Some(Verdict::Partial(match row.versions.last() {
            Some(default) => format!("bound to {default}, with a line on standard error"),
            None => "bound to one without a version, with a line on standard error".into(),
        })),
        // `__gmon_start__` and its like: the program looks whether they are there.
        _ if import.weak => None,
        _ => Some(Verdict::Missing),
    }
}
