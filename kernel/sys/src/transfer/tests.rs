//! The loops over a make-believe memory of small pages, of which some are not there at first.

use super::{Cursor, continued, repeated};
use osv_base::{Errno, Fail, UserAddr};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::vec::Vec;

const PAGE: usize = 8;

/// Memory from address 0 on; `None` pages are not there, and those in `never` cannot be had.
struct Memory {
    bytes: RefCell<Vec<u8>>,
    present: RefCell<Vec<bool>>,
    never: Vec<usize>,
}

impl Memory {
    fn new(pages: usize, never: &[usize]) -> Memory {
        Memory {
            bytes: RefCell::new((0..pages * PAGE).map(|i| i as u8).collect()),
            present: RefCell::new(std::vec![false; pages]),
            never: never.to_vec(),
        }
    }
    fn fault_in(&self, addr: UserAddr) -> Result<(), Errno> {
        let page = addr.0 as usize / PAGE;
        if self.never.contains(&page) || page >= self.present.borrow().len() {
            return Err(Errno::EFAULT);
        }
        self.present.borrow_mut()[page] = true;
        Ok(())
    }
    fn cursor(&self, at: usize, len: usize) -> Buffer<'_> {
        Buffer { memory: self, at, left: len, fault: None }
    }
}

struct Buffer<'m> {
    memory: &'m Memory,
    at: usize,
    left: usize,
    fault: Option<UserAddr>,
}

impl Buffer<'_> {
    fn copy(&mut self, want: usize, mut each: impl FnMut(&mut u8, usize)) -> usize {
        let want = want.min(self.left);
        for n in 0..want {
            if self.memory.present.borrow().get(self.at / PAGE) != Some(&true) {
                self.fault = Some(UserAddr(self.at as u64));
                return n;
            }
            each(&mut self.memory.bytes.borrow_mut()[self.at], n);
            (self.at, self.left) = (self.at + 1, self.left - 1);
        }
        want
    }
    fn put(&mut self, bytes: &[u8]) -> usize {
        self.copy(bytes.len(), |byte, n| *byte = bytes[n])
    }
    fn take(&mut self, bytes: &mut [u8]) -> usize {
        self.copy(bytes.len(), |byte, n| bytes[n] = *byte)
    }
}

impl Cursor for Buffer<'_> {
    fn fault(&self) -> Option<UserAddr> {
        self.fault
    }
    fn clear_fault(&mut self) {
        self.fault = None;
    }
}

/// A queue of messages that takes one off only when it was copied whole.
fn receive(queue: &mut VecDeque<Vec<u8>>, to: &mut Buffer<'_>, peek: bool) -> usize {
    let Some(first) = queue.front() else { return 0 };
    let want = first.len().min(to.left);
    let n = to.put(&first[..want]);
    if to.fault.is_none() && !peek {
        queue.pop_front();
    }
    n
}

#[test]
fn a_message_arrives_once_over_pages_that_are_not_there() {
    let memory = Memory::new(4, &[]);
    let message: Vec<u8> = (100..120).collect();
    let mut queue = VecDeque::from([message.clone(), b"next".to_vec()]);
    let n = repeated(
        || memory.cursor(5, 24),
        |to| Ok(receive(&mut queue, to, false)),
        |addr| memory.fault_in(addr),
    );
    assert_eq!(n, Ok(20));
    assert_eq!(memory.bytes.borrow()[5..25], message[..]);
    assert_eq!(memory.bytes.borrow()[25], 25, "nothing behind the message was touched");
    assert_eq!(queue, [b"next".to_vec()]);
}

#[test]
fn a_message_looked_at_stays_and_is_counted_once() {
    let memory = Memory::new(4, &[]);
    let mut queue = VecDeque::from([std::vec![9; 20]]);
    let n = repeated(
        || memory.cursor(0, 32),
        |to| Ok(receive(&mut queue, to, true)),
        |addr| memory.fault_in(addr),
    );
    assert_eq!((n, queue.len()), (Ok(20), 1));
}

#[test]
fn a_message_for_memory_that_cannot_be_had_is_not_lost() {
    let memory = Memory::new(4, &[1]);
    let mut queue = VecDeque::from([std::vec![9; 20]]);
    let n = repeated(
        || memory.cursor(0, 32),
        |to| Ok(receive(&mut queue, to, false)),
        |addr| memory.fault_in(addr),
    );
    assert_eq!((n, queue.len()), (Err(Fail::Errno(Errno::EFAULT)), 1));
}

#[test]
fn a_message_is_sent_whole_or_not_at_all() {
    for (never, want) in [(&[][..], Ok(20)), (&[2], Err(Fail::Errno(Errno::EFAULT)))] {
        let memory = Memory::new(4, never);
        let mut sent = Vec::new();
        let n = repeated(
            || memory.cursor(3, 20),
            |from| {
                let mut bytes = std::vec![0; from.left];
                if from.take(&mut bytes) == bytes.len() {
                    sent.push(bytes);
                }
                Ok(20)
            },
            |addr| memory.fault_in(addr),
        );
        assert_eq!(n, want);
        let expected: &[Vec<u8>] = &[(3..23).collect()];
        assert_eq!(sent, if want.is_ok() { expected } else { &[] });
    }
}

#[test]
fn a_stream_goes_on_where_it_stopped() {
    let memory = Memory::new(4, &[]);
    let (mut sent, mut before) = (Vec::new(), Vec::new());
    let n = continued(
        &mut memory.cursor(3, 20),
        |from, done| {
            before.push(done);
            let mut bytes = std::vec![0; from.left];
            let n = from.take(&mut bytes);
            sent.extend_from_slice(&bytes[..n]);
            Ok(n)
        },
        |addr| memory.fault_in(addr),
    );
    assert_eq!(n, Ok(20));
    assert!(sent.iter().copied().eq(3..23));
    assert_eq!(before, [0, 0, 5, 13]);
}

#[test]
fn a_stream_tells_what_it_moved_before_it_failed() {
    let memory = Memory::new(4, &[1]);
    let put = |to: &mut Buffer<'_>, _| Ok(to.put(&[7; 32]));
    assert_eq!(continued(&mut memory.cursor(0, 32), put, |addr| memory.fault_in(addr)), Ok(8));
    assert_eq!(
        continued(&mut memory.cursor(8, 8), put, |addr| memory.fault_in(addr)),
        Err(Fail::Errno(Errno::EFAULT))
    );
}
