//! Static TLS places: aligned as the image is, disjoint, and within what was set aside.

mod common;

use common::Random;
use osv_link::Error;
use osv_link::input::{Span, TlsSegment};
use osv_link::tls::StaticTls;

#[test]
fn places_are_congruent_and_disjoint() {
    let mut random = Random(1);
    for _ in 0..2000 {
        let mut area = StaticTls::default();
        for number in 1..=random.below(12) + 1 {
            let align = 1u64 << random.below(13);
            let vaddr = random.next() >> random.below(64);
            let size = random.next() % (1 << random.below(20));
            let before = area.used;
            let segment = TlsSegment { image: Span { vaddr, len: size }, size, align };
            let module = area.place(&segment, true).unwrap();
            let offset = module.offset.unwrap();
            assert_eq!(module.number, number);
            assert_eq!(offset.wrapping_add(vaddr) % align, 0, "{segment:?} at {offset}");
            assert!(offset - size >= before, "{segment:?} at {offset} runs into what ends at {before}");
            assert!(offset - size - before < 2 * align, "{segment:?} wastes room");
            assert_eq!(area.used, offset);
        }
    }
}

#[test]
fn what_does_not_fit_after_the_seal_is_refused() {
    let mut area = StaticTls::default();
    let segment = |size, align| TlsSegment { image: Span { vaddr: 0, len: 0 }, size, align };
    area.place(&segment(100, 16), true).unwrap();
    area.seal();
    assert_eq!(area.place(&segment(1 << 20, 16), true), Err(Error::StaticTls));
    assert_eq!(area.place(&segment(8, 4096), true), Err(Error::StaticTls), "the area is aligned to less");
    let module = area.place(&segment(64, 64), true).unwrap();
    assert!(module.offset.is_some_and(|offset| offset <= area.limit.unwrap()));
    assert_eq!(area.place(&segment(1 << 20, 4096), false).unwrap().offset, None);
}
