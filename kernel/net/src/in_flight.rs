//! Open files on their way through Unix sockets (SCM_RIGHTS).
//!
//! A file in flight is held by the queue that it waits in. Two things follow:
//!
//! * **Depth.** Dropping a queue drops the sockets in it, whose queues hold sockets, and so on for as long as the
//!   application pleases. So what leaves a queue unreceived is buried: put on one list, which the first to come
//!   empties, one file after the other, on a stack that does not grow.
//! * **Cycles.** A socket whose only reference lies in its own queue, or in that of another such socket, can never
//!   be received and is never dropped. When a Unix socket is closed while sockets are in flight, and when their number
//!   has doubled, [`InFlight::collect`] looks for those that nothing but each other's queues refers to, and empties
//!   their queues. Linear in the sockets in flight, of which there are none in nearly every program. A socket that
//!   somebody has his hands on at that moment counts as reachable, and waits for another time.

use crate::socket::Socket;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::mem;
use hashbrown::HashMap;
use osv_sync::SpinLock;
use osv_vfs::OpenFile;

/// So many sockets in flight are no reason to look for lost ones.
const FEW: usize = 64;

/// The files in flight on one stack.
#[derive(Default)]
pub struct InFlight {
    inner: SpinLock<Inner>,
}

#[derive(Default)]
struct Inner {
    /// All files, each as often as it was sent.
    total: usize,
    /// Unix sockets among them, by the address of their description, with how often they were sent.
    sockets: HashMap<usize, (usize, Weak<OpenFile>)>,
    /// Sockets that the last collection left.
    survivors: usize,
    buried: Vec<Arc<OpenFile>>,
    /// A Unix socket was closed.
    collect: bool,
    cleaning: bool,
}

/// Files of one message, counted as in flight while they are in here.
pub struct Passed {
    files: Vec<Arc<OpenFile>>,
    home: Arc<InFlight>,
}

impl Passed {
    /// Puts files on their way.
    pub fn new(home: &Arc<InFlight>, files: Vec<Arc<OpenFile>>) -> Passed {
        let many = home.enter(&files);
        if many {
            home.collect();
        }
        Passed { files, home: home.clone() }
    }

    /// The files.
    pub fn files(&self) -> &[Arc<OpenFile>] {
        &self.files
    }

    /// Takes them off their way: they were received.
    pub fn take(mut self) -> Vec<Arc<OpenFile>> {
        let files = mem::take(&mut self.files);
        self.home.leave(&files);
        files
    }

    /// The same files once more.
    pub fn again(&self) -> Passed {
        // Under the queue's lock: not the time to collect.
        let _ = self.home.enter(&self.files);
        Passed { files: self.files.clone(), home: self.home.clone() }
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        let files = mem::take(&mut self.files);
        if !files.is_empty() {
            self.home.leave(&files);
            self.home.bury(files);
        }
    }
}

fn unix_socket(file: &OpenFile) -> Option<&Socket> {
    file.file().as_any().downcast_ref::<Socket>().filter(|socket| socket.is_unix())
}

fn key(file: &Arc<OpenFile>) -> usize {
    Arc::as_ptr(file) as usize
}

struct Node {
    open: Arc<OpenFile>,
    /// Something other than the queues of sockets in flight may lead to it.
    reachable: bool,
    /// The sockets in its queue, as indices.
    holds: Vec<usize>,
}

impl InFlight {
    /// Files in flight.
    pub fn total(&self) -> usize {
        self.inner.lock().total
    }

    /// Returns whether so many sockets are in flight that it is time to collect.
    fn enter(&self, files: &[Arc<OpenFile>]) -> bool {
        let mut inner = self.inner.lock();
        inner.total += files.len();
        for file in files.iter().filter(|file| unix_socket(file).is_some()) {
            inner.sockets.entry(key(file)).or_insert_with(|| (0, Arc::downgrade(file))).0 += 1;
        }
        inner.sockets.len() >= FEW + 2 * inner.survivors
    }

    fn leave(&self, files: &[Arc<OpenFile>]) {
        let mut inner = self.inner.lock();
        inner.total -= files.len();
        for file in files {
            if let Some((count, _)) = inner.sockets.get_mut(&key(file)) {
                *count -= 1;
                if *count == 0 {
                    inner.sockets.remove(&key(file));
                }
            }
        }
    }

    fn bury(&self, files: Vec<Arc<OpenFile>>) {
        self.inner.lock().buried.extend(files);
        self.clean();
    }

    /// Has the queues emptied of sockets that only each other's queues refer to. Not under a lock.
    pub fn collect(&self) {
        {
            let mut inner = self.inner.lock();
            if inner.sockets.is_empty() {
                return;
            }
            inner.collect = true;
        }
        self.clean();
    }

    /// Does what is to be done, unless somebody is at it: then they do.
    fn clean(&self) {
        if mem::replace(&mut self.inner.lock().cleaning, true) {
            return;
        }
        loop {
            let (next, collect) = {
                let mut inner = self.inner.lock();
                let next = inner.buried.pop();
                let collect = next.is_none() && mem::take(&mut inner.collect);
                inner.cleaning = next.is_some() || collect;
                (next, collect)
            };
            match next {
                Some(file) => drop(file),
                None if collect => self.collect_once(),
                None => return,
            }
        }
    }

    fn collect_once(&self) {
        let mut nodes: Vec<Node> = Vec::new();
        let mut counts: Vec<usize> = Vec::new();
        let mut index: HashMap<usize, usize> = HashMap::new();
        for (count, open) in self.inner.lock().sockets.values() {
            let Some(open) = open.upgrade() else { continue };
            index.insert(key(&open), nodes.len());
            // One reference is ours.
            let reachable = Arc::strong_count(&open) - 1 > *count;
            nodes.push(Node { open, reachable, holds: Vec::new() });
            counts.push(*count);
        }
        if nodes.iter().all(|node| node.reachable) {
            self.inner.lock().survivors = nodes.len();
            return;
        }
        for node in &mut nodes {
            let holds = &mut node.holds;
            if let Some(socket) = unix_socket(&node.open) {
                socket.visit_queued(&mut |file| holds.extend(index.get(&key(file))));
            }
        }
        // References from queues of sockets that may be lost; what has others is not lost.
        let mut inner_references = alloc::vec![0; nodes.len()];
        for node in nodes.iter().filter(|node| !node.reachable) {
            for &held in &node.holds {
                inner_references[held] += 1;
            }
        }
        for (at, node) in nodes.iter_mut().enumerate() {
            node.reachable |= inner_references[at] < counts[at];
        }
        let mut look_at: Vec<usize> = (0..nodes.len()).filter(|&at| nodes[at].reachable).collect();
        while let Some(at) = look_at.pop() {
            for held in nodes[at].holds.clone() {
                if !mem::replace(&mut nodes[held].reachable, true) {
                    look_at.push(held);
                }
            }
        }
        self.inner.lock().survivors = nodes.iter().filter(|node| node.reachable).count();
        for node in nodes.iter().filter(|node| !node.reachable) {
            if let Some(socket) = unix_socket(&node.open) {
                socket.discard_queued();
            }
        }
        // The last references may be ours: they go the way of the buried.
        self.inner.lock().buried.extend(nodes.into_iter().map(|node| node.open));
    }
}
