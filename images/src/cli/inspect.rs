//! `osv-pack inspect`.

use super::args::InspectArgs;
use crate::error::{Error, Result};

pub(super) fn execute(args: &InspectArgs) -> Result<u8> {
    let data = std::fs::read(&args.image).map_err(|error| Error::io("read", &args.image, error))?;
    print!("{}", crate::inspect::describe(&args.image, &data)?);
    Ok(0)
}
