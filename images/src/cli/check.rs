//! `osv-pack check`.

use super::args::CheckArgs;
use super::progress::Progress;
use super::recipe::recipe;
use crate::check::check;
use crate::error::{Error, Result};
use crate::libraries::Search;
use osv_abi::boot::Libc;

pub(super) fn execute(args: &CheckArgs) -> Result<u8> {
    let (recipe, _) = recipe(&args.input)?;
    let progress = Progress::start(format!("checking {}", recipe.program));
    let sysroot = recipe.sysroot()?;
    let program = recipe.program(&sysroot)?;
    let serves_libc = recipe.boot.libc == Libc::Table;
    let search = Search::new(&sysroot, serves_libc);
    let mut libraries = search.closure(&program)?;
    for soname in &recipe.libraries {
        libraries.extend(search.named(soname, &program)?);
    }
    let report = check(&program, &libraries, serves_libc)?;
    drop(progress);
    print!("{}", report.text());
    let missing = report.missing();
    if missing > 0 {
        return Err(Error::Missing { program: report.program, count: missing });
    }
    let lacking = report.not_full();
    if args.strict && lacking > 0 {
        return Err(Error::NotFull { program: report.program, count: lacking });
    }
    Ok(0)
}
