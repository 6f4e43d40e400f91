use super::*;
use clap::CommandFactory;

fn parse(line: &str) -> std::result::Result<Command, String> {
    let args = line.split(' ').map(OsString::from).collect();
    Cli::try_parse_from(with_command(args)).map(|cli| cli.command).map_err(|error| error.to_string())
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn a_binary_alone_is_built() {
    for line in ["osv-pack ./x", "osv-pack build ./x", "osv-pack -v ./x", "osv-pack -o y ./x -- -a --b"] {
        assert!(
            matches!(parse(line), Ok(Command::Build(args)) if args.input.binary.as_deref() == Some("./x")),
            "{line}"
        );
    }
}

#[test]
fn arguments_behind_two_dashes_are_the_programs() {
    let Ok(Command::Run(args)) = parse("osv-pack run x -p 1:2 -e A=1 -m 1G -- -p 3:4 run") else {
        panic!("it parses")
    };
    assert_eq!(args.input.args, ["-p", "3:4", "run"]);
    assert_eq!((args.port.len(), args.memory.map(|memory| memory.mebibytes)), (1, Some(1024)));
}

#[test]
fn a_class_path_and_flags_of_the_runtime_go_to_the_recipe() {
    let Ok(Command::Run(args)) =
        parse("osv-pack run --recipe jvm -cp a:b x.Main -J -Xss2m -J-ea -c 2 -- -cp y")
    else {
        panic!("it parses")
    };
    let input = &args.input;
    assert_eq!((input.recipe.as_deref(), input.class_path.as_deref()), (Some("jvm"), Some("a:b")));
    assert_eq!((input.binary.as_deref(), args.cpus), (Some("x.Main"), Some(2)));
    assert_eq!(
        (&input.runtime_args[..], &input.args[..]),
        (&["-Xss2m", "-ea"].map(String::from)[..], &["-cp", "y"].map(String::from)[..])
    );
}

#[test]
fn wrong_values_are_named() {
    for (line, expected) in [
        ("osv-pack run x -p 80", "[ADDRESS:]HOST:GUEST[/udp]"),
        ("osv-pack run x -m 0", "write 256M or 1G"),
        ("osv-pack run x --net eth0", "tap:NAME"),
        ("osv-pack run x --accel hvf", "auto, kvm, tcg or tcg-single"),
        ("osv-pack run x --machine vax", "q35, pc or microvm"),
        ("osv-pack run x --frobnicate", "--frobnicate"),
        ("osv-pack inspect", "<IMAGE>"),
    ] {
        let message = parse(line).expect_err(line);
        assert!(message.contains(expected), "{line}: {message}");
    }
}
