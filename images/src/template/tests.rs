use super::*;

/// A sysroot with one JDK below /usr/lib/jvm, and a folder with an application.
fn system() -> (tempfile::TempDir, Sysroot) {
    let temp = tempfile::tempdir().expect("a folder");
    for file in [
        "root/usr/lib/jvm/a/bin/java",
        "root/usr/lib/jvm/z-21/lib/modules",
        "root/usr/lib/jvm/z-21/bin/javac",
    ] {
        let path = temp.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, "x").expect("written");
    }
    for file in ["one/lib/a.jar", "two/lib/b.jar", "app.jar"] {
        let path = temp.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, "x").expect("written");
    }
    let sysroot = Sysroot::new(&temp.path().join("root")).expect("a folder");
    (temp, sysroot)
}

fn fill(words: Words<'_>, sysroot: &Sysroot) -> Result<Filled> {
    Template::named("jvm")?.fill(words, sysroot, true)
}

#[test]
fn every_recipe_parses_and_is_in_the_help() {
    let help = Template::help();
    for (name, _) in ALL {
        Template::named(name).expect("parses");
        assert!(help.contains(&format!("--recipe {name}: ")), "{help}");
    }
    let error = Template::named("cobol").expect_err("there is none");
    assert!(matches!(&error, Error::Usage { help, .. } if help.contains("jvm")), "{error:?}");
}

#[test]
fn programs_that_replace_their_code_are_known_by_recipe_or_name() {
    let jvm = "jvm".to_owned();
    assert!(Template::replaces_code(Some(&jvm), b"/usr/lib/jvm/z-21/bin/javac"));
    assert!(Template::replaces_code(None, b"/usr/lib/jvm/z-21/bin/java"));
    assert!(!Template::replaces_code(None, b"/usr/bin/javascript"));
}

#[test]
fn a_jar_goes_to_app_and_the_home_is_the_folder_with_the_sign() {
    let (temp, sysroot) = system();
    let jar = temp.path().join("app.jar");
    let flags = ["-Xss2m".to_owned()];
    let words = Words { input: jar.to_str(), runtime_args: &flags, path: None };
    let filled = fill(words, &sysroot).expect("filled");
    assert_eq!(filled.home.path, Path::new("/usr/lib/jvm/z-21"));
    assert_eq!(filled.program, Path::new("/usr/lib/jvm/z-21/bin/java"));
    assert_eq!(filled.args[filled.args.len() - 3..], ["-Xss2m", "-jar", "/app/app.jar"]);
    assert_eq!(filled.add, [(jar.canonicalize().expect("is there"), "/app/app.jar".into())]);
}

#[test]
fn folders_of_one_name_on_a_class_path_get_places_of_their_own() {
    let (temp, sysroot) = system();
    let path = format!("{0}/one/lib/*:{0}/two/lib:{0}/one/lib", temp.path().display());
    let filled = fill(Words { input: Some("x.Main"), path: Some(&path), runtime_args: &[] }, &sysroot);
    let filled = filled.expect("filled");
    assert_eq!(filled.args[filled.args.len() - 3..], ["-cp", "/app/lib/*:/app/2-lib:/app/lib", "x.Main"]);
    assert_eq!(filled.add.len(), 2);
}

#[test]
fn a_tool_of_the_runtime_is_a_program_and_anything_else_is_explained() {
    let (_temp, sysroot) = system();
    let filled = fill(Words { input: Some("javac"), ..Words::default() }, &sysroot).expect("filled");
    assert_eq!((filled.program.to_str(), filled.args.len()), (Some("/usr/lib/jvm/z-21/bin/javac"), 0));
    for input in [None, Some("x.Main"), Some("../bin/javac")] {
        let error = fill(Words { input, ..Words::default() }, &sysroot).expect_err("says nothing");
        assert!(matches!(&error, Error::Usage { help, .. } if help.contains("app.jar")), "{error:?}");
    }
    let error = fill(Words { input: Some("no.jar"), ..Words::default() }, &sysroot).expect_err("isn't there");
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
}

#[test]
fn no_runtime_is_an_error_that_says_where_it_was_looked_for() {
    let temp = tempfile::tempdir().expect("a folder");
    let sysroot = Sysroot::new(temp.path()).expect("a folder");
    let error = fill(Words { input: Some("javac"), ..Words::default() }, &sysroot).expect_err("no JDK");
    let told =
        |searched: &str| searched.contains("/usr/lib/jvm/default-java") && searched.contains("JAVA_HOME");
    assert!(matches!(&error, Error::NoProgram { searched, .. } if told(searched)), "{error:?}");
}
