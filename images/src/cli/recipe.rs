//! Flags and osv.toml, joined.

use super::args::InputArgs;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::pack::{Recipe, parse_add};
use osv_abi::boot::{BootConfig, Encoded, Source};
use std::fmt::Display;

/// Reads osv.toml if there is to be one, and makes the recipe.
pub(super) fn recipe(args: &InputArgs) -> Result<(Recipe, Config)> {
    let config = args.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
    let program = args.binary.clone().or_else(|| config.program.clone());
    let no_program =
        || Error::usage("no program is given", "write osv-pack BINARY, or `program = ...` in osv.toml");
    let mut boot = BootConfig::default();
    boot.set_env(b"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_vec());
    boot.set_env(b"HOME=/root".to_vec());
    for (name, value) in &config.env {
        boot.set_env(format!("{name}={value}").into_bytes());
    }
    for setting in &args.env {
        boot.set_env(env_setting(setting)?);
    }
    set(&mut boot, "cwd", config.cwd.as_ref())?;
    set(&mut boot, "uid", config.uid.as_ref())?;
    set(&mut boot, "gid", config.gid.as_ref())?;
    set(&mut boot, "hostname", config.hostname.as_ref())?;
    set(&mut boot, "net", config.net.as_ref())?;
    set(&mut boot, "log", config.log.as_ref())?;
    set(&mut boot, "libc", args.libc.as_ref().or(config.libc.as_ref()))?;
    let arguments = if args.args.is_empty() { &config.args } else { &args.args };
    boot.args = arguments.iter().map(|arg| arg.clone().into_bytes()).collect();
    let recipe = Recipe {
        program: program.ok_or_else(no_program)?,
        root: args.root.clone().or_else(|| config.root.clone()),
        add: config.add.iter().chain(&args.add).map(|add| parse_add(add)).collect::<Result<_>>()?,
        libraries: config.libraries.clone(),
        boot,
    };
    Ok((recipe, config))
}

/// NAME=VALUE; NAME alone takes the value from this environment, as `docker run -e` does.
pub(super) fn env_setting(text: &str) -> Result<Vec<u8>> {
    let name = text.split('=').next().unwrap_or_default();
    if name.is_empty() {
        return Err(Error::usage(format!("-e {text}: a name is missing"), "write -e NAME=VALUE"));
    }
    if text.contains('=') {
        return Ok(text.into());
    }
    let value = std::env::var(name);
    let value = value.map_err(|_| Error::usage(format!("-e {name}: not set here"), "write -e NAME=VALUE"))?;
    Ok(format!("{name}={value}").into_bytes())
}

fn set(boot: &mut BootConfig, key: &str, value: Option<&impl Display>) -> Result<()> {
    let Some(value) = value else { return Ok(()) };
    let value = value.to_string();
    boot.apply(format!("osv.{key}={}", Encoded::value(value.as_bytes())).as_bytes(), Source::File).map_err(
        |error| {
            Error::usage(
                format!("{key} = \"{value}\": {}", error.reason),
                "correct it on the command line or in osv.toml",
            )
        },
    )
}
