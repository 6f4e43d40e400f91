use super::*;

fn parse(text: &str) -> Result<Config> {
    Config::parse(Path::new("dir/osv.toml"), text)
}

#[test]
fn everything_can_be_said() {
    let config = parse(
        r#"
        program = "./server"
        args = ["-v"]
        output = "server.img"
        root = "/sysroot"
        add = ["data:/srv"]
        libraries = ["libx.so.1"]
        libc = "image"
        env = { A = "1" }
        cwd = "/srv"
        uid = 1
        gid = 2
        hostname = "h"
        net = "dhcp"
        log = "info"
        [run]
        ports = ["80:8080"]
        memory = "1G"
        cpus = 2
        net = "tap:t0"
        accel = "tcg"
        machine = "microvm"
        timeout = 2.5
        verbose = 1
        "#,
    )
    .expect("all keys are known");
    assert_eq!(config.program.as_deref(), Some("dir/./server"));
    assert_eq!(config.output, Some("dir/server.img".into()));
    assert_eq!(config.root, Some("/sysroot".into()));
    assert_eq!(config.add, ["dir/data:/srv"]);
    assert_eq!((config.run.timeout, config.run.verbose), (Some(2.5), 1));
}

#[test]
fn an_unknown_key_is_named() {
    for (text, key) in [("progam = 'x'", "progam"), ("[run]\nport = []", "port")] {
        let message = parse(text).expect_err("no such key").to_string();
        assert!(
            message.contains("dir/osv.toml") && message.contains(&format!("unknown field `{key}`")),
            "{message}"
        );
    }
}

#[test]
fn a_wrong_type_is_shown_where_it_stands() {
    let message = parse("uid = 'root'").expect_err("no number").to_string();
    assert!(message.contains("line 1") && message.contains("uid = 'root'"), "{message}");
}
