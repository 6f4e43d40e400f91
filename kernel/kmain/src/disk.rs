//! A virtio disk as the page cache reads it, and the thread that takes its answers.
//!
//! Whoever wants pages queues requests and rings the device; what does not fit waits in a list. The device's interrupt
//! rings a bell, and the disk's thread hands the answers to the cache, which wakes who waits for them.

use crate::doorbell::Doorbell;
use crate::platform::MACHINE;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use osv_abi::Errno;
use osv_abi::boot::{Id, RootDisk};
use osv_base::{PhysAddr, Res, error, info, warn};
use osv_fs::cache::{Disk, PageCache};
use osv_fs::erofs;
use osv_mm::frame::Frame;
use osv_mm::pressure;
use osv_sync::SpinLock;
use osv_vfs::FileSystem;
use osv_virtio::DeviceError;
use osv_virtio::blk::{Block, Operation, Page, Submitted};
use osv_virtio::transport::Transport;
use spin::Once;

/// A page on its way: its number on the disk, and where it goes.
struct Wanted {
    number: u64,
    frame: Frame,
}

impl Page for Wanted {
    fn phys(&self) -> PhysAddr {
        self.frame.phys()
    }
}

struct State {
    block: Block<Wanted>,
    /// Requests that did not fit into the queue.
    waiting: VecDeque<Vec<Wanted>>,
    /// Requests that the device would not even take.
    refused: Vec<Answer>,
}

/// Pages in a row, by the first one and how many, and whether they were read.
type Answer = (u64, u64, bool);

/// The disk.
pub struct VirtioDisk {
    pages: u64,
    max_pages: usize,
    state: SpinLock<State>,
    bell: Arc<Doorbell>,
    cache: Once<Weak<PageCache>>,
}

impl VirtioDisk {
    fn open(transport: Box<dyn Transport>) -> Result<Arc<VirtioDisk>, DeviceError> {
        let bell = Arc::new(Doorbell::new());
        let rung = bell.clone();
        let block = Block::open(&MACHINE, transport, Arc::new(move || rung.ring()))?;
        let (pages, max_pages) = (block.pages(), block.max_pages());
        let state = SpinLock::new(State { block, waiting: VecDeque::new(), refused: Vec::new() });
        Ok(Arc::new(VirtioDisk { pages, max_pages, state, bell, cache: Once::new() }))
    }

    /// The thread's work, for as long as the machine runs.
    fn serve(&self) -> ! {
        loop {
            let (answers, quiet) = {
                let mut state = self.state.lock();
                let answers = state.collect();
                state.pump();
                state.block.flush();
                // What was refused is answered in the next round.
                let quiet = answers.is_empty() && !state.has_trouble() && !state.block.enable_interrupts();
                (answers, quiet)
            };
            answers.into_iter().for_each(|(first, count, ok)| self.answer(first, count, ok));
            if quiet {
                self.bell.wait(None);
            }
        }
    }

    fn answer(&self, first: u64, count: u64, ok: bool) {
        if !ok {
            warn!("disk: pages {first} to {} could not be read", first + count);
        }
        if let Some(cache) = self.cache.get().and_then(Weak::upgrade) {
            cache.complete(first, count, ok);
        }
    }
}

impl State {
    /// What the device is done with.
    fn collect(&mut self) -> Vec<Answer> {
        let mut answers = core::mem::take(&mut self.refused);
        loop {
            match self.block.poll() {
                Ok(Some(done)) => answers.extend(row(&done.pages, done.result.is_ok())),
                Ok(None) => return answers,
                Err(_) => break,
            }
        }
        // The device is out of use, and with it whatever it had or would have got.
        while let Some(done) = self.block.abandon() {
            answers.extend(row(&done.pages, false));
        }
        answers.extend(self.waiting.drain(..).filter_map(|pages| row(&pages, false)));
        answers
    }

    /// Hands the device what it has room for.
    fn pump(&mut self) {
        while !self.block.is_failed()
            && let Some(pages) = self.waiting.pop_front()
            && let Some((first, count, _)) = row(&pages, false)
        {
            match self.block.submit(Operation::Read, first, pages) {
                Ok(Submitted::Queued(_)) => {}
                Ok(Submitted::Full(pages)) => return self.waiting.push_front(pages),
                Err(_) => self.refused.push((first, count, false)),
            }
        }
    }

    /// Whether the thread has something to do that no interrupt will tell it of.
    fn has_trouble(&self) -> bool {
        !self.refused.is_empty() || self.block.is_failed() && !self.waiting.is_empty()
    }
}

fn row(pages: &[Wanted], ok: bool) -> Option<Answer> {
    Some((pages.first()?.number, pages.len() as u64, ok))
}

impl Disk for VirtioDisk {
    fn pages(&self) -> u64 {
        self.pages
    }

    fn connect(&self, cache: Weak<PageCache>) {
        self.cache.call_once(|| cache);
    }

    fn read(&self, first: u64, frames: Vec<Frame>) {
        let mut frames = (first..).zip(frames).map(|(number, frame)| Wanted { number, frame });
        let mut state = self.state.lock();
        loop {
            let request: Vec<Wanted> = frames.by_ref().take(self.max_pages).collect();
            if request.is_empty() {
                break;
            }
            state.waiting.push_back(request);
        }
    }

    fn flush(&self) {
        let mut state = self.state.lock();
        state.pump();
        state.block.flush();
        let trouble = state.has_trouble();
        drop(state);
        if trouble {
            self.bell.ring();
        }
    }
}

/// Finds the disk that `wanted` names among `transports`, and mounts what is on it. ENODEV: it is not there.
pub fn root(wanted: &RootDisk, transports: Vec<Box<dyn Transport>>) -> Res<Arc<dyn FileSystem>> {
    if osv_task::spawn_kernel("shrinkers", || pressure::run_shrinkers()).is_err() {
        return Err(Errno::ENOMEM.into());
    }
    let mut seen = 0;
    for transport in transports {
        let disk = match VirtioDisk::open(transport) {
            Ok(disk) => disk,
            Err(problem) => {
                warn!("disk: {problem}");
                continue;
            }
        };
        seen += 1;
        let servant = disk.clone();
        osv_task::spawn_kernel("disk", move || servant.serve())?;
        let cache = PageCache::new(disk)?;
        match erofs::identify(&cache) {
            Ok(id) if Id(id) == wanted.id => {
                info!("root disk: {} pages", cache.len());
                return erofs::mount_disk(cache);
            }
            Ok(id) => info!("a disk with {}, which is not the root's", Id(id)),
            Err(fail) => info!("a disk without a root: {fail}"),
        }
    }
    error!(
        "the disk with the root file system is not attached: {} ({}), read-only; {seen} other disks are there",
        wanted.name, wanted.id
    );
    Err(Errno::ENODEV.into())
}
