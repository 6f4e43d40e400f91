//! Compiles every source file below `src/`, as musl's own Makefile selects them, and archives the objects.

use crate::source::{files_below, run};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

const FLAGS: &[&str] = &[
    "-std=c99",
    "-nostdinc",
    "-ffreestanding",
    "-fexcess-precision=standard",
    "-frounding-math",
    "-D_XOPEN_SOURCE=700",
    "-O2",
    "-fPIC",
    "-fomit-frame-pointer",
    "-ffunction-sections",
    "-fdata-sections",
    // C++ exceptions and pthread_cancel unwind through qsort, bsearch and the like.
    "-fasynchronous-unwind-tables",
    "-fno-stack-protector",
    "-Wa,--noexecstack",
    // Keeps every access to an exported datum going through the GOT, so that COPY relocations can be honoured.
    "-Wa,-mrelax-relocations=no",
    "-w",
];
/// Folders that have no place in the object: ldso's own files and the allocators that are not built.
const LEFT_OUT: &[&str] = &["src/malloc/oldmalloc"];

/// Builds the archive below `scratch`.
pub fn archive(tree: &Path, scratch: &Path, cc: &str) -> Result<PathBuf, String> {
    let sources = sources(tree)?;
    let objects = scratch.join("objects");
    fs::create_dir_all(&objects).map_err(|e| format!("{}: {e}", objects.display()))?;
    let jobs: Vec<(PathBuf, PathBuf)> = sources
        .into_iter()
        .map(|source| {
            let name = source.with_extension("o").to_string_lossy().replace('/', "_");
            (source, objects.join(name.trim_start_matches("src_")))
        })
        .collect();

    let next = AtomicUsize::new(0);
    let work = || -> Result<(), String> {
        while let Some((source, object)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut command = Command::new(cc);
            command.current_dir(tree).args(FLAGS);
            // Loops in these must not become calls of themselves.
            if source.parent().is_some_and(|dir| dir.starts_with("src/string")) {
                command.arg("-fno-tree-loop-distribute-patterns");
            }
            for dir in [
                "arch/x86_64",
                "arch/generic",
                "obj/src/internal",
                "src/include",
                "src/internal",
                "obj/include",
                "include",
            ] {
                command.arg("-I").arg(dir);
            }
            run(command.arg("-c").arg("-o").arg(object).arg(source))?;
        }
        Ok(())
    };
    let threads = std::env::var("NUM_JOBS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a compile thread panicked".to_string())?)
    })?;

    let archive = scratch.join("libmusl.a");
    run(Command::new("ar").arg("rcsD").arg(&archive).args(jobs.iter().map(|(_, object)| object)))?;
    Ok(archive)
}

/// Source files relative to the tree: an architecture's file replaces the generic one of the same name.
fn sources(tree: &Path) -> Result<Vec<PathBuf>, String> {
    let mut generic = Vec::new();
    let mut own = Vec::new();
    for file in files_below(&tree.join("src"))? {
        let file = file.strip_prefix(tree).map_err(|e| e.to_string())?.to_owned();
        let Some(dir) = file.parent() else { continue };
        if LEFT_OUT.iter().any(|out| dir.starts_with(out)) {
            continue;
        }
        match file.extension().and_then(|e| e.to_str()) {
            Some("c" | "s" | "S") => {}
            _ => continue,
        }
        match dir.strip_prefix("src").map(|d| d.components().count()) {
            Ok(1) => generic.push(file),
            Ok(2) if dir.ends_with("x86_64") => own.push(file),
            Ok(2) if dir.ends_with("malloc/mallocng") => generic.push(file),
            _ => {}
        }
    }
    let replaced: BTreeSet<PathBuf> =
        own.iter().filter_map(|file| Some(file.parent()?.parent()?.join(file.file_stem()?))).collect();
    generic.retain(|file| !replaced.contains(&file.with_extension("")));
    generic.extend(own);
    Ok(generic)
}
