//! Requests as getifaddrs(3) makes them, and damaged ones.

use super::{HEAD, answer, u16_at, u32_at};
use crate::host::HostConfig;
use crate::stack::Stack;
use crate::tests::ENV;
use proptest::prelude::*;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::vec::Vec;

fn stack() -> Arc<Stack> {
    let stack = Stack::new(ENV);
    stack.attach(Arc::new(crate::tests::lease::to_server()));
    stack.configure(HostConfig {
        address: Ipv4Addr::new(10, 1, 2, 3),
        prefix_len: 20,
        gateway: Some(Ipv4Addr::new(10, 1, 0, 1)),
    });
    stack
}

fn request(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from(((HEAD + body.len()) as u32).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(77u32.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend(body);
    bytes
}

/// The messages: type, flags, what follows the head.
fn messages(answers: &[Vec<u8>]) -> Vec<(u16, u16, Vec<u8>)> {
    let mut all = Vec::new();
    for mut bytes in answers.iter().map(|a| &a[..]) {
        while !bytes.is_empty() {
            let len = u32_at(bytes, 0) as usize;
            assert_eq!(
                (u32_at(bytes, 8), u32_at(bytes, 12)),
                (77, 5),
                "the request's number, the socket's port"
            );
            all.push((u16_at(bytes, 4), u16_at(bytes, 6), bytes[HEAD..len].to_vec()));
            bytes = &bytes[len.next_multiple_of(4).min(bytes.len())..];
        }
    }
    all
}

fn attribute(body: &[u8], fixed: usize, kind: u16) -> Option<Vec<u8>> {
    let mut rest = body.get(fixed..)?;
    while rest.len() >= 4 {
        let len = usize::from(u16_at(rest, 0));
        if u16_at(rest, 2) == kind {
            return Some(rest[4..len].to_vec());
        }
        rest = &rest[len.next_multiple_of(4)..];
    }
    None
}

#[test]
fn links_are_listed_by_name() {
    let all = messages(&answer(&stack(), &request(18, 0x301, &[0; 16]), 5));
    let names: Vec<_> = all.iter().filter_map(|(_, _, body)| attribute(body, 16, 3)).collect();
    assert_eq!(names, [b"lo\0".to_vec(), b"eth0\0".to_vec()]);
    assert!(all.iter().all(|(_, flags, _)| flags & 2 != 0));
    assert_eq!(all.last().map(|(kind, ..)| *kind), Some(3));
}

#[test]
fn addresses_are_listed_by_family() {
    let stack = stack();
    let of = |family: u8| {
        let all = messages(&answer(&stack, &request(22, 0x301, &[family]), 5));
        all.into_iter().filter_map(|(_, _, body)| attribute(&body, 8, 1)).collect::<Vec<_>>()
    };
    assert_eq!(of(2), [std::vec![127, 0, 0, 1], std::vec![10, 1, 2, 3]]);
    assert_eq!(of(10).len(), 1);
    assert_eq!(of(0).len(), 3);
    let all = messages(&answer(&stack, &request(22, 0x301, &[2]), 5));
    assert_eq!(all[1].2[1], 20, "the prefix");
    assert_eq!(attribute(&all[1].2, 8, 4), Some(std::vec![10, 1, 15, 255]));
}

#[test]
fn routes_are_the_router_and_the_link() {
    let all = messages(&answer(&stack(), &request(26, 0x301, &[0; 12]), 5));
    assert_eq!(attribute(&all[0].2, 12, 5), Some(std::vec![10, 1, 0, 1]));
    assert_eq!(attribute(&all[1].2, 12, 1), Some(std::vec![10, 1, 0, 0]));
}

#[test]
fn one_link_is_found_by_number_or_name() {
    let stack = stack();
    let mut body = std::vec![0; 16];
    body[4] = 2;
    let all = messages(&answer(&stack, &request(18, 1, &body), 5));
    assert_eq!(attribute(&all[0].2, 16, 3), Some(b"eth0\0".to_vec()));
    let mut named = std::vec![0; 16];
    named.extend([7, 0, 3, 0, b'l', b'o', 0, 0]);
    let all = messages(&answer(&stack, &request(18, 1, &named), 5));
    assert_eq!(attribute(&all[0].2, 16, 3), Some(b"lo\0".to_vec()));
    body[4] = 9;
    let all = messages(&answer(&stack, &request(18, 1, &body), 5));
    assert_eq!((all[0].0, u32_at(&all[0].2, 0)), (2, -19i32 as u32), "ENODEV");
}

#[test]
fn what_would_change_something_is_refused() {
    let all = messages(&answer(&stack(), &request(16, 5, &[0; 16]), 5));
    assert_eq!((all[0].0, u32_at(&all[0].2, 0)), (2, -95i32 as u32), "EOPNOTSUPP");
}

proptest! {
    #[test]
    fn damaged_requests_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..120), kind in 16u16..30, len in 0u32..130) {
        let stack = stack();
        answer(&stack, &bytes, 5);
        let mut shaped = request(kind, 0x301, &bytes);
        answer(&stack, &shaped, 5);
        shaped[..4].copy_from_slice(&len.to_ne_bytes());
        shaped[6..8].copy_from_slice(&1u16.to_ne_bytes());
        answer(&stack, &shaped, 5);
    }
}
