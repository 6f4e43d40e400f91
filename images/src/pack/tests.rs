use super::*;
use std::collections::BTreeMap;

fn recipe(program: &str) -> Recipe {
    Recipe {
        program: program.into(),
        root: None,
        add: Vec::new(),
        libraries: Vec::new(),
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
