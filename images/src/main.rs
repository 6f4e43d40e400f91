//! The `osv-pack` command.

fn main() -> std::process::ExitCode {
    osv_pack::cli::main(std::env::args_os())
}
