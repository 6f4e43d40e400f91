//! A ring against the plainest model of it: a list of (byte, sender).

use super::{RECORD_OVERHEAD, Ring, Taken};
use crate::control::{Control, Ucred};
use osv_base::io::{SliceSink, SliceSource};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::vec::Vec;

fn creds(n: u8) -> Option<Ucred> {
    (n > 0).then_some(Ucred { pid: n.into(), uid: 0, gid: 0 })
}

fn take(ring: &mut Ring, room: usize, peek: bool) -> (Vec<u8>, Taken) {
    let mut bytes = std::vec![0; room];
    let taken = ring.take(&mut SliceSink::new(&mut bytes), peek, true);
    bytes.truncate(taken.len);
    (bytes, taken)
}

#[derive(Clone, Debug)]
enum Step {
    Send(Vec<u8>, u8),
    Receive(usize, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let send = (prop::collection::vec(any::<u8>(), 0..40), 0..3u8).prop_map(|(b, who)| Step::Send(b, who));
    let receive = (0..60usize, any::<bool>()).prop_map(|(room, peek)| Step::Receive(room, peek));
    prop::collection::vec(prop_oneof![send, receive], 0..60)
}

proptest! {
    #[test]
    fn bytes_come_in_order_and_senders_do_not_mix(steps in steps()) {
        let mut ring = Ring::new(false);
        let mut model: VecDeque<(u8, u8)> = VecDeque::new();
        for step in steps {
            match step {
                Step::Send(bytes, who) => {
                    let mut control = Control { passed: None, creds: creds(who) };
                    let sent = ring.put(&mut SliceSource::new(&bytes), &mut control);
                    prop_assert_eq!(sent, Ok(bytes.len()));
                    model.extend(bytes.iter().map(|&b| (b, who)));
                }
                Step::Receive(room, peek) => {
                    let (bytes, taken) = take(&mut ring, room, peek);
                    let first = model.front().map_or(0, |&(_, who)| who);
                    let same = model.iter().take_while(|&&(_, who)| who == first);
                    let expected: Vec<u8> = same.take(room).map(|&(b, _)| b).collect();
                    prop_assert_eq!(&bytes, &expected);
                    if room > 0 {
                        prop_assert_eq!(taken.control.creds, creds(first));
                    }
                    if !peek {
                        model.drain(..bytes.len());
                    }
                }
            }
            prop_assert_eq!(ring.len(), model.len());
        }
    }

    #[test]
    fn records_keep_their_bounds(steps in steps()) {
        let mut ring = Ring::new(true);
        let mut model: VecDeque<(Vec<u8>, u8)> = VecDeque::new();
        for step in steps {
            match step {
                Step::Send(bytes, who) => {
                    let mut control = Control { passed: None, creds: creds(who) };
                    prop_assert_eq!(ring.put_record(&bytes, &mut control), Ok(true));
                    model.push_back((bytes, who));
                }
                Step::Receive(room, peek) if !ring.is_empty() => {
                    let (bytes, taken) = take(&mut ring, room, peek);
                    let (record, who) = model.front().cloned().unwrap();
                    prop_assert_eq!(taken.full_len, record.len());
                    prop_assert_eq!(&bytes[..], &record[..room.min(record.len())]);
                    prop_assert_eq!(taken.control.creds, creds(who));
                    if !peek {
                        model.pop_front();
                    }
                }
                Step::Receive(..) => {}
            }
            prop_assert_eq!(ring.is_empty(), model.is_empty());
            prop_assert_eq!(ring.next_len(), model.front().map_or(0, |(b, _)| b.len()));
        }
    }
}

#[test]
fn empty_records_do_not_pile_up_without_end() {
    let mut ring = Ring::new(true);
    let mut n = 0;
    while ring.put_record(b"", &mut Control::default()) == Ok(true) {
        n += 1;
        assert!(n <= super::CAPACITY / RECORD_OVERHEAD);
    }
    assert!(n > 10);
}
