//! Libraries that come and go: who stays, who leaves, in which order, and that nothing is left behind.

mod common;

use common::NoTable;
use common::library::Library;
use common::shelf::{Shelf, world};
use osv_link::world::{Id, Place, World};

fn open(world: &mut World<'static, NoTable>, name: &str, shelf: &mut Shelf) -> Id {
    let (root, plan) = world.plan_library(name.as_bytes(), Some(0), shelf).expect("a plan");
    for id in &plan.order {
        let loaded = world.get_mut(*id).expect("planned");
        loaded.started = true;
        loaded.ready = true;
    }
    let Place::Object(root) = root else { panic!("{name} is served by the table") };
    world.get_mut(root).expect("opened").opened += 1;
    root
}

/// Closes and returns who leaves, in order.
fn close(world: &mut World<'static, NoTable>, id: Id) -> Vec<String> {
    world.get_mut(id).expect("open").opened -= 1;
    let gone = world.unheld();
    let names =
        gone.iter().map(|id| String::from_utf8_lossy(world.get(*id).unwrap().object.soname.unwrap()).into());
    let names = names.collect();
    world.remove(&gone);
    names
}

fn plain<'l>(soname: &'l str, needed: &'l [&'l str]) -> Library<'l> {
    Library { soname, needed, ..Default::default() }
}

#[test]
fn a_library_leaves_with_what_only_it_needed_and_before_it() {
    let mut shelf = Shelf::with(&[plain("a", &["b", "c"]), plain("b", &["c"]), plain("c", &[])]);
    let mut world = world(&["c"], &mut shelf);
    let before = world.objects.len();
    let a = open(&mut world, "a", &mut shelf);
    assert_eq!(close(&mut world, a), ["a", "b"]);
    assert_eq!(world.objects.len(), before);
}

#[test]
fn two_opens_take_two_closes() {
    let mut shelf = Shelf::with(&[plain("a", &[])]);
    let mut world = world(&[], &mut shelf);
    let a = open(&mut world, "a", &mut shelf);
    assert_eq!(open(&mut world, "a", &mut shelf), a);
    assert!(close(&mut world, a).is_empty());
    assert_eq!(close(&mut world, a), ["a"]);
}

#[test]
fn what_another_still_needs_stays() {
    let mut shelf = Shelf::with(&[plain("a", &["c"]), plain("b", &["c"]), plain("c", &[])]);
    let mut world = world(&[], &mut shelf);
    let a = open(&mut world, "a", &mut shelf);
    let b = open(&mut world, "b", &mut shelf);
    assert_eq!(close(&mut world, a), ["a"]);
    assert_eq!(close(&mut world, b), ["b", "c"]);
}

#[test]
fn what_a_relocation_is_bound_to_stays() {
    let mut shelf = Shelf::with(&[plain("a", &[]), plain("b", &[])]);
    let mut world = world(&[], &mut shelf);
    let a = open(&mut world, "a", &mut shelf);
    let b = open(&mut world, "b", &mut shelf);
    world.get_mut(b).unwrap().binds.push(a);
    assert!(close(&mut world, a).is_empty());
    assert_eq!(close(&mut world, b), ["b", "a"]);
}

#[test]
fn a_circle_leaves_as_a_whole() {
    let mut shelf = Shelf::with(&[plain("a", &["b"]), plain("b", &["a"])]);
    let mut world = world(&[], &mut shelf);
    let a = open(&mut world, "a", &mut shelf);
    assert_eq!(close(&mut world, a).len(), 2);
}

#[test]
fn a_pinned_library_keeps_what_it_needs() {
    let mut shelf = Shelf::with(&[plain("a", &["b"]), plain("b", &[])]);
    let mut world = world(&[], &mut shelf);
    let a = open(&mut world, "a", &mut shelf);
    world.get_mut(a).unwrap().pinned = true;
    assert!(close(&mut world, a).is_empty());
}

#[test]
fn ids_scopes_and_numbers_come_back_after_any_order_of_opening_and_closing() {
    let tls = |soname| Library { soname, tls: 8, ..Default::default() };
    let mut shelf = Shelf::with(&[tls("a"), tls("b"), tls("c")]);
    let mut world = world(&[], &mut shelf);
    let mut last = open(&mut world, "a", &mut shelf);
    for name in ["b", "c", "a"].into_iter().cycle().take(3000) {
        let next = open(&mut world, name, &mut shelf);
        world.global.push(Place::Object(next));
        assert_eq!(close(&mut world, last).len(), 1);
        last = next;
    }
    assert_eq!(close(&mut world, last).len(), 1);
    assert_eq!(world.objects.len(), 1);
    assert!(world.tls.modules <= 2, "{} numbers for two modules at a time", world.tls.modules);
    assert_eq!(world.global.len(), 2, "the program and the table: {:?}", world.global);
}

#[test]
fn a_plan_that_fails_leaves_the_world_as_it_was() {
    let mut shelf = Shelf::with(&[plain("a", &["b", "nowhere"]), plain("b", &[])]);
    let mut world = world(&[], &mut shelf);
    let error = world.plan_library(b"a", Some(0), &mut shelf).unwrap_err();
    assert_eq!(
        error.to_string(),
        "nowhere: cannot open shared object file: No such file or directory (needed by /lib/a)"
    );
    assert_eq!((world.objects.len(), shelf.open), (1, 0));
}

#[test]
fn a_library_that_is_nowhere_is_named_alone() {
    let mut shelf = Shelf::default();
    let mut world = world(&[], &mut shelf);
    let error = world.plan_library(b"nowhere", Some(0), &mut shelf).unwrap_err();
    assert_eq!(error.to_string(), "nowhere: cannot open shared object file: No such file or directory");
}

#[test]
fn a_position_independent_program_is_no_library() {
    const DF_1_PIE: u64 = 0x0800_0000;
    let mut shelf = Shelf::with(&[Library { soname: "pie", flags_1: DF_1_PIE, ..Default::default() }]);
    let mut world = world(&[], &mut shelf);
    assert!(world.plan_library(b"pie", Some(0), &mut shelf).is_err());
    assert_eq!((world.objects.len(), shelf.open), (1, 0));
}

#[test]
fn destructors_at_exit_run_in_the_programs_order_of_loading_and_before_what_they_need() {
    let mut shelf = Shelf::with(&[plain("a", &["c"]), plain("b", &["c"]), plain("c", &[])]);
    let mut world = world(&["c"], &mut shelf);
    for loaded in world.objects.iter_mut().flatten() {
        loaded.started = true;
    }
    let a = open(&mut world, "a", &mut shelf);
    let b = open(&mut world, "b", &mut shelf);
    let c = world.by_name(b"c").unwrap();
    assert_eq!(world.finish_order(), [0, a, b, c]);
}
