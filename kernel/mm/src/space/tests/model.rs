//! Random histories compared with a model that knows every page by itself, over a simulated TLB that forgets only
//! what was shot down.

use super::*;
use crate::mmu::host;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Map { at: u64, pages: u64, prot: u8, kind: u8, offset: u64 },
    Unmap { at: u64, pages: u64 },
    Protect { at: u64, pages: u64, prot: u8 },
    Write { at: u64, value: u8 },
    Read { at: u64 },
    Drop { at: u64, pages: u64 },
    Huge { at: u64, pages: u64 },
    Move { at: u64, pages: u64, to: u64, len: u64 },
    Fork,
    Switch(u8),
}

/// The window: 4 huge pages.
const BASE: u64 = 0x1000_0000;
const WINDOW: u64 = 4 * 512;
const OBJECT: u64 = 1024;

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Private(u8),
    /// Not written yet: the object's page.
    Of(u64),
    Shared(u64),
}

#[derive(Clone, Debug)]
struct Page {
    prot: Prot,
    content: Content,
}

type Model = BTreeMap<u64, Page>;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few places, so that steps meet.
    let at = || prop_oneof![3 => (0..4u64, 0..3u64).prop_map(|(i, j)| i * 512 + j), 1 => 0..WINDOW, 1 => 500..530u64];
    let pages = || prop_oneof![1..8u64, 1..700u64, Just(512u64), Just(1024u64)];
    let step = prop_oneof![
        3 => (at(), pages(), 0..4u8, 0..4u8, 0..200u64)
            .prop_map(|(at, pages, prot, kind, offset)| Step::Map { at, pages, prot, kind, offset }),
        1 => (at(), pages()).prop_map(|(at, pages)| Step::Unmap { at, pages }),
        3 => (at(), pages(), 0..4u8).prop_map(|(at, pages, prot)| Step::Protect { at, pages, prot }),
        8 => (at(), any::<u8>()).prop_map(|(at, value)| Step::Write { at, value }),
        4 => at().prop_map(|at| Step::Read { at }),
        1 => (at(), pages()).prop_map(|(at, pages)| Step::Drop { at, pages }),
        1 => (at(), pages()).prop_map(|(at, pages)| Step::Huge { at, pages }),
        1 => (at(), pages(), at(), pages()).prop_map(|(at, pages, to, len)| Step::Move { at, pages, to, len }),
        1 => Just(Step::Fork),
        2 => any::<u8>().prop_map(Step::Switch),
    ];
    proptest::collection::vec(step, 1..60)
}

fn prot(n: u8) -> Prot {
    [Prot::empty(), Prot::READ, RW, RW | Prot::EXEC][usize::from(n)]
}

fn addr(page: u64) -> u64 {
    BASE + page * PAGE
}

/// What the model says an access finds.
fn value(page: &Page, object: &[u8]) -> u8 {
    match page.content {
        Content::Private(v) => v,
        Content::Of(i) | Content::Shared(i) => object[i as usize],
    }
}

/// No CPU may remember more than the tables say.
fn check_tlb(space: &AddressSpace) {
    let inner = space.inner.read();
    for (at, old) in host::remembered(&space.cpus) {
        let now = inner
            .pages
            .lock()
            .table
            .query(at)
            .unwrap_or_else(|| panic!("{at:x} is remembered but not mapped"));
        let phys = now.phys.offset(at & (now.size.bytes() - 1) & !(PAGE - 1));
        assert_eq!(phys, old.phys, "{at:x} has another frame now");
        let rights = Pte::READ | Pte::WRITE | Pte::EXEC;
        assert!(
            now.flags.contains(old.flags & rights),
            "{at:x} is remembered with {:?}, has {:?}",
            old.flags,
            now.flags
        );
    }
}

/// As a CPU does after an access.
fn remember(space: &AddressSpace, at: u64) {
    let entry = space.inner.write().table().query(at);
    if let Some(mut entry) = entry {
        entry.phys = entry.phys.offset(at & (entry.size.bytes() - 1));
        host::remember(&space.cpus, at, entry);
    }
}

fn run(steps: &[Step]) {
    let object = SharedMemory::new(OBJECT * PAGE);
    let mut object_model = std::vec![0u8; OBJECT as usize];
    let mut spaces = std::vec![(space(), Model::new())];
    let mut current = 0;
    for step in steps {
        let (space, model) = &mut spaces[current];
        match *step {
            Step::Map { at, pages, prot: p, kind, offset } => {
                let pages = pages.min(WINDOW - at);
                let shared = kind == 2;
                let backing = (kind >= 2).then(|| Object {
                    pager: object.clone(),
                    offset: offset * PAGE,
                    max_prot: RW | Prot::EXEC,
                });
                let flags = match kind {
                    0 | 1 => ANON,
                    2 => MapFlags::SHARED,
                    _ => MapFlags::PRIVATE,
                } | MapFlags::FIXED;
                let got = space.map(addr(at), pages * PAGE, prot(p), flags, backing).unwrap();
                assert_eq!(got, addr(at));
                for i in 0..pages {
                    let content = match kind {
                        0 | 1 => Content::Private(0),
                        _ if shared => Content::Shared(offset + i),
                        _ => Content::Of(offset + i),
                    };
                    model.insert(at + i, Page { prot: prot(p), content });
                }
            }
            Step::Unmap { at, pages } => {
                space.unmap(addr(at), pages * PAGE).unwrap();
                model.retain(|page, _| !(at..at + pages).contains(page));
            }
            Step::Protect { at, pages, prot: p } => {
                let result = space.protect(addr(at), pages * PAGE, prot(p));
                let mapped = (at..at + pages).take_while(|page| model.contains_key(page)).count() as u64;
                assert_eq!(result.is_ok(), mapped == pages);
                for page in at..at + mapped {
                    model.get_mut(&page).unwrap().prot = prot(p);
                }
            }
            Step::Write { at, value } => {
                let wrote = space.write(addr(at) + 77, &[value]) == 1;
                let page = model.get_mut(&at);
                let beyond = matches!(page, Some(Page { content: Content::Of(i) | Content::Shared(i), .. }) if *i >= OBJECT);
                let may = page.as_ref().is_some_and(|p| p.prot.contains(Prot::WRITE)) && !beyond;
                assert_eq!(wrote, may, "write to page {at}");
                if may && let Some(page) = page {
                    match page.content {
                        Content::Shared(i) => object_model[i as usize] = value,
                        _ => page.content = Content::Private(value),
                    }
                    remember(space, addr(at));
                }
            }
            Step::Read { at } => {
                let mut byte = [0];
                let read = space.read(addr(at) + 77, &mut byte) == 1;
                let page = model.get(&at);
                let beyond = matches!(page, Some(Page { content: Content::Of(i) | Content::Shared(i), .. }) if *i >= OBJECT);
                let may = page.is_some_and(|p| !p.prot.is_empty()) && !beyond;
                assert_eq!(read, may, "read of page {at}");
                if may {
                    assert_eq!(byte[0], value(&model[&at], &object_model), "page {at}");
                    remember(space, addr(at));
                }
            }
            Step::Drop { at, pages } => {
                let result = space.advise(addr(at), pages * PAGE, Advice::DONTNEED);
                let all = (at..at + pages).all(|page| model.contains_key(&page));
                assert_eq!(result.is_ok(), all);
                // The object behind a private page is not known to the model any more: make it known again.
                let inner = space.inner.read();
                for (page, state) in model.range_mut(at..at + pages) {
                    let area = inner.areas.find(addr(*page)).unwrap();
                    if let Content::Private(_) = state.content {
                        state.content = if area.is_anonymous() {
                            Content::Private(0)
                        } else {
                            Content::Of(area.index_of(addr(*page)))
                        };
                    }
                }
            }
            Step::Huge { at, pages } => {
                let _ = space.advise(addr(at), pages * PAGE, Advice::HUGEPAGE);
            }
            Step::Move { at, pages, to, len } => {
                let flags = RemapFlags::MAYMOVE | RemapFlags::FIXED;
                let result = space.remap(addr(at), pages * PAGE, len * PAGE, flags, addr(to));
                if result.is_ok() {
                    let mut moved = Vec::new();
                    for page in at..at + pages {
                        moved.push(model.remove(&page).unwrap());
                    }
                    for page in to..to + len {
                        model.remove(&page);
                    }
                    let last = moved.last().unwrap().clone();
                    let inner = space.inner.read();
                    for i in 0..len {
                        let mut page = moved.get(i as usize).unwrap_or(&last).clone();
                        if i >= pages {
                            let area = inner.areas.find(addr(to + i)).unwrap();
                            let index = area.index_of(addr(to + i));
                            page.content = match page.content {
                                _ if area.is_anonymous() => Content::Private(0),
                                Content::Shared(_) => Content::Shared(index),
                                _ => Content::Of(index),
                            };
                        }
                        model.insert(to + i, page);
                    }
                }
            }
            Step::Fork => {
                if spaces.len() < 4 {
                    let (space, model) = &spaces[current];
                    let child = space.fork().unwrap();
                    let model = model.clone();
                    spaces.push((child, model));
                }
            }
            Step::Switch(n) => current = usize::from(n) % spaces.len(),
        }
        for (space, _) in &spaces {
            check_tlb(space);
        }
    }
    // The end: everything is as the model says.
    for (space, model) in &spaces {
        for (page, state) in model {
            let mut byte = [0];
            let read = space.read(addr(*page) + 77, &mut byte) == 1;
            let beyond = matches!(state.content, Content::Of(i) | Content::Shared(i) if i >= OBJECT);
            assert_eq!(read, !state.prot.is_empty() && !beyond);
            if read {
                assert_eq!(byte[0], value(state, &object_model), "page {page} at the end");
            }
        }
        let counts = space.counts();
        assert_eq!(counts.mapped, model.len());
        let report = space.report(true).unwrap();
        assert_eq!(report.iter().map(|a| a.anonymous).sum::<usize>(), counts.anonymous);
        assert_eq!(report.iter().map(|a| a.resident).sum::<usize>(), counts.resident());
        for pair in report.windows(2) {
            assert!(pair[0].range.end <= pair[1].range.start);
        }
    }
    // And all of it can go.
    for (space, _) in &spaces {
        space.clear();
        assert_eq!(space.counts().resident(), 0);
        assert_eq!(space.counts().tables, 1);
    }
    for i in 0..OBJECT {
        if let Some(frame) = object.touched(i) {
            assert_eq!(frame::holders(frame.phys()), Some(2), "object page {i}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn histories_agree_with_the_model(steps in steps()) {
        run(&steps);
    }
}
