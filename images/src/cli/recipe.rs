//! Flags and osv.toml, joined.

use super::args::InputArgs;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::libc::Choice;
use crate::pack::{Recipe, parse_add};
use crate::sysroot::Sysroot;
use crate::template::{Filled, Template, Words};
use osv_abi::boot::{BootConfig, Encoded, Source};
use std::fmt::Display;
use std::path::Path;

/// Reads osv.toml if there is to be one, and makes the recipe.
pub(super) fn recipe(args: &InputArgs) -> Result<(Recipe, Config)> {
    let mut config = args.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
    let root = args.root.clone().or_else(|| config.root.clone());
    let filled = fill(args, &mut config, root.as_deref())?;
    let program = match &filled {
        Some(filled) => Some(filled.program.display().to_string()),
        None => args.binary.clone().or_else(|| config.program.clone()),
    };
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
    let libc = match args.libc.as_ref().or(config.libc.as_ref()) {
        None => Choice::default(),
        Some(text) => text.parse().map_err(|what| {
            Error::usage(
                format!("libc = \"{text}\": {what}"),
                "correct it on the command line or in osv.toml",
            )
        })?,
    };
    let arguments = if args.args.is_empty() { &config.args } else { &args.args };
    let (first, files, home) = match filled {
        Some(filled) => (filled.args, filled.add, Some(filled.home)),
        None => Default::default(),
    };
    boot.args = first.iter().chain(arguments).map(|arg| arg.clone().into_bytes()).collect();
    let added = config.add.iter().chain(&args.add).map(|add| parse_add(add));
    let recipe = Recipe {
        program: program.ok_or_else(no_program)?,
        root,
        add: files.into_iter().map(Ok).chain(added).collect::<Result<_>>()?,
        libraries: config.libraries.clone(),
        home,
        libc,
        boot,
    };
    Ok((recipe, config))
}

/// What the recipe, if one is named, makes of program and class path; what the guest should be like unless the user
/// says so goes into `config`.
fn fill(args: &InputArgs, config: &mut Config, root: Option<&Path>) -> Result<Option<Filled>> {
    let runtime_args = [&config.runtime_args[..], &args.runtime_args[..]].concat();
    let path = args.class_path.as_deref().or(config.class_path.as_deref());
    let Some(name) = args.recipe.as_ref().or(config.recipe.as_ref()) else {
        if path.is_some() || !runtime_args.is_empty() {
            let what = "-cp and -J are for a recipe's runtime, and no recipe is named";
            return Err(Error::usage(what, "name it, such as --recipe jvm"));
        }
        return Ok(None);
    };
    let template = Template::named(name)?;
    let sysroot = Sysroot::new(root.unwrap_or(Path::new("/")))?;
    let input = args.binary.as_deref().or(config.program.as_deref());
    let filled =
        template.fill(Words { input, path, runtime_args: &runtime_args }, &sysroot, root.is_some())?;
    config.run.memory = config.run.memory.take().or(template.memory);
    Ok(Some(filled))
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
