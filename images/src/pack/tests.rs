use super::*;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn recipe(program: &str) -> Recipe {
    Recipe {
        program: program.into(),
        root: None,
        add: Vec::new(),
        libraries: Vec::new(),
        home: None,
        libc: Choice::Auto,
        boot: BootConfig::default(),
    }
}

/// Puts stand-ins for our own parts into a folder; gives the kernel's path.
fn collect(recipe: &Recipe) -> Result<BTreeMap<String, String>> {
    let packed = recipe.collect_with(Some(Path::new("/bin/true")))?;
    let mut all = BTreeMap::new();
    packed.tree.walk(&mut |path, node| {
        let what = match node {
            Node::Dir(_) => "dir".into(),
            Node::Link(target) => format!("-> {}", target.display()),
            Node::File(file) => {
                String::from_utf8_lossy(&file.content.read().expect("readable")[..]).into_owned()
            }
        };
        all.insert(path.display().to_string(), what);
    });
    Ok(all)
}

#[test]
fn a_program_from_path_keeps_its_place() {
    let all = collect(&recipe("true")).expect("coreutils");
    assert!(all["/.osv/boot"].contains("osv.program=/usr/bin/true\n"), "{}", all["/.osv/boot"]);
    assert!(all.contains_key("/usr/bin/true"));
    assert!(all["/etc/passwd"].starts_with("root:x:0:0:"));
    let ld_osv = Path::new(&all["/lib64"].replace("-> ", "/")).join("ld-osv.so");
    assert!(all.contains_key(&ld_osv.display().to_string()), "the place of {LD_OSV_PATH}");
    assert!(!all.keys().any(|path| path.ends_with("/libc.so.6")));
}

#[test]
fn what_memcached_needs_goes_in() {
    let Ok(all) = collect(&recipe("/usr/bin/memcached")) else { return };
    assert!(all.keys().any(|path| path.contains("/libevent-2.1.so.7")));
}

#[test]
fn an_added_program_brings_the_linker_to_a_static_one() {
    let mut recipe = recipe("/usr/bin/busybox");
    let has_linker = |all: &BTreeMap<String, String>| all.keys().any(|path| path.ends_with("/ld-osv.so"));
    let Ok(alone) = collect(&recipe) else { return };
    assert!(!has_linker(&alone), "a static program needs none");
    recipe.add = vec![parse_add("/bin/true:/srv/bin/true").expect("well formed")];
    assert!(has_linker(&collect(&recipe).expect("packs")));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let make = || {
        let packed = recipe("true").collect_with(Some(Path::new("/bin/true"))).expect("coreutils");
        erofs::write(&packed.tree).expect("small")
    };
    assert_eq!(make(), make());
}

#[test]
fn a_program_from_elsewhere_and_added_files_find_their_places() {
    let temp = tempfile::tempdir().expect("a folder");
    let program = temp.path().join("server");
    fs::copy("/bin/true", &program).expect("copied");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o600)).expect("mine");
    fs::create_dir(temp.path().join("site")).expect("made");
    fs::write(temp.path().join("site/index.html"), "hi").expect("written");
    let mut recipe = recipe(&program.display().to_string());
    recipe.add =
        vec![parse_add(&format!("{}:/srv/www", temp.path().join("site").display())).expect("well formed")];
    let all = collect(&recipe).expect("packs");
    assert_eq!(all["/srv/www/index.html"], "hi");
    assert!(all["/.osv/boot"].contains("osv.program=/usr/local/bin/server\n"));
}

/// A library that needs libb.so from `lib` beside it, and a libb.so that needs what nobody has.
fn plugin(folder: &Path) {
    fs::create_dir(folder.join("lib")).expect("made");
    fs::write(folder.join("x.c"), "int x(){return 1;}").expect("written");
    for (out, flags) in [
        ("libgone.so", &[][..]),
        ("lib/libb.so", &["-L.", "-lgone"][..]),
        (
            "plugin.so",
            &["-Llib", "-lb", "-Wl,-rpath-link,.", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib"][..],
        ),
    ] {
        let mut gcc = Command::new("gcc");
        gcc.current_dir(folder)
            .args(["-shared", "-fPIC", "-Wl,--no-as-needed", "x.c", "-o", out])
            .args(flags);
        assert!(gcc.status().expect("gcc is installed").success(), "{out}");
    }
    fs::remove_file(folder.join("libgone.so")).expect("was there");
}

#[test]
fn what_an_added_library_needs_comes_along() {
    let temp = tempfile::tempdir().expect("a folder");
    plugin(temp.path());
    let mut recipe = recipe("true");
    recipe.add = vec![(temp.path().join("plugin.so"), "/opt/x/plugin.so".into())];
    let all = collect(&recipe).expect("packs");
    assert!(all.contains_key("/opt/x/lib/libb.so"), "RUNPATH starts beside the library");
    let packed = recipe.collect_with(Some(Path::new("/bin/true"))).expect("packs");
    assert_eq!(packed.libraries.len(), 1);
    assert!(matches!(&packed.warnings[..], [warning] if warning.contains("libb.so needs libgone.so")));
}

#[test]
fn what_an_added_library_needs_is_not_added_twice() {
    let temp = tempfile::tempdir().expect("a folder");
    plugin(temp.path());
    let mut recipe = recipe("true");
    recipe.add = vec![
        (temp.path().join("plugin.so"), "/opt/x/plugin.so".into()),
        (temp.path().join("lib/libb.so"), "/usr/lib/libb.so".into()),
        (temp.path().join("x.c"), "/usr/lib/libgone.so".into()),
    ];
    let packed = recipe.collect_with(Some(Path::new("/bin/true"))).expect("packs");
    assert_eq!((packed.libraries.len(), packed.warnings), (0, Vec::new()));
}

#[test]
fn a_home_goes_in_with_what_its_links_lead_to_and_without_what_is_left() {
    let temp = tempfile::tempdir().expect("a folder");
    let root = temp.path();
    for (file, content) in [
        ("opt/rt/bin/run", None),
        ("opt/rt/lib/big", Some("b")),
        ("opt/rt/lib/src.zip", Some("s")),
        ("opt/rt/man/run.1", Some("m")),
        ("etc/rt/net.conf", Some("n")),
    ] {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        match content {
            Some(content) => fs::write(path, content).expect("written"),
            None => drop(fs::copy("/bin/true", path).expect("copied")),
        }
    }
    std::os::unix::fs::symlink("/etc/rt/net.conf", root.join("opt/rt/lib/net.conf")).expect("made");
    let home = Home {
        path: "/opt/rt".into(),
        take: vec!["/opt/rt/bin".into(), "/opt/rt/lib".into(), "/opt/rt/release".into()],
        leave: ["/opt/rt/lib/src.zip".into()].into(),
    };
    let recipe = Recipe { root: Some(root.into()), home: Some(home), ..recipe("/opt/rt/bin/run") };
    let all = collect(&recipe).expect("packs");
    assert!(all["/.osv/boot"].contains("osv.program=/opt/rt/bin/run\n"), "{}", all["/.osv/boot"]);
    assert_eq!((all["/opt/rt/lib/big"].as_str(), all["/etc/rt/net.conf"].as_str()), ("b", "n"));
    assert!(!all.contains_key("/opt/rt/lib/src.zip") && !all.contains_key("/opt/rt/man"));
}

#[test]
fn a_missing_program_says_where_it_was_looked_for() {
    for (name, expected) in
        [("no-such-program", "looked in /"), ("./no-such", "no such file"), ("/usr/bin/", "a folder")]
    {
        let error = collect(&recipe(name)).expect_err("it isn't there");
        assert!(
            matches!(&error, Error::NoProgram { searched, .. } if searched.contains(expected)),
            "{error:?}"
        );
    }
}

#[test]
fn a_root_past_64_mib_is_refused_before_it_is_read() {
    let temp = tempfile::tempdir().expect("a folder");
    let big = temp.path().join("big");
    fs::File::create(&big).and_then(|file| file.set_len(65 << 20)).expect("sparse");
    let mut recipe = recipe("true");
    recipe.add = vec![(big, "/big".into())];
    let packed = recipe.collect_with(Some(Path::new("/bin/true"))).expect("collects");
    assert!(matches!(packed.image(), Err(Error::RootTooLarge { bytes }) if bytes > 65 << 20));
}

#[test]
fn add_needs_an_absolute_guest_path() {
    assert_eq!(parse_add("a:b:/c").expect("well formed"), ("a:b".into(), "/c".into()));
    assert_eq!(parse_add("/etc/x").expect("well formed"), ("/etc/x".into(), "/etc/x".into()));
    for bad in ["a", "a:b", ":/x"] {
        assert!(parse_add(bad).is_err(), "{bad}");
    }
}
