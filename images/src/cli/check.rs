//! `osv-pack check`.

use super::args::CheckArgs;
use super::progress::Progress;
use super::recipe::recipe;
use crate::check::check;
use crate::error::{Error, Result};
use crate::libc::{Choice, decide};
use osv_abi::boot::Libc;

pub(super) fn execute(args: &CheckArgs) -> Result<u8> {
    let (recipe, _) = recipe(&args.input)?;
    let progress = Progress::start(format!("checking {}", recipe.program));
    let sysroot = recipe.sysroot()?;
    let program = recipe.program(&sysroot)?;
    // What the table lacks is what a check is for: it is judged unless the image's own libc is asked for.
    let choice = if recipe.libc == Choice::Image { Choice::Image } else { Choice::Table };
    let added = recipe.added_objects(&sysroot)?;
    let decision = decide(choice, &sysroot, &program, &recipe.libraries, &added)?;
    let report = check(&program, &decision.libraries, decision.libc == Libc::Table)?;
    drop(progress);
    print!("{}", report.text());
    if recipe.libc == Choice::Auto {
        let decision = decide(Choice::Auto, &sysroot, &program, &recipe.libraries, &added)?;
        let whose =
            if decision.libc == Libc::Table { "the table" } else { "the image's own, for what is missing" };
        println!("  libc: {whose}");
    }
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
