//! syslog(2): the kernel's messages, as whoever runs the machine registers them.

use crate::cx::Cx;
use alloc::vec::Vec;
use osv_abi::arg::Int;
use osv_abi::uapi::system::syslog as s;
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_sync::{Mutex, Wait, WaitQueue};
use spin::Once;

/// The messages that are kept, in lines that begin with their level: `<6>text`. A place in them is a number of bytes
/// since the first message.
pub trait KernelLog: Send + Sync {
    /// The places of the oldest byte that is kept, and of the one behind the newest.
    fn bounds(&self) -> (u64, u64);
    /// Copies what lies from `at` on, as much as fits; gives how much.
    fn read(&self, at: u64, to: &mut [u8]) -> usize;
    /// Bytes that are kept at most.
    fn capacity(&self) -> usize;
    /// Messages of this level of syslog(3) and above go to the console no more.
    fn set_console_level(&self, level: u8);
}

static LOG: Once<&'static dyn KernelLog> = Once::new();
/// Where those who read message by message are, and where SYSLOG_ACTION_CLEAR was.
static PLACES: Mutex<(u64, u64)> = Mutex::new((0, 0));
static ARRIVALS: WaitQueue = WaitQueue::new();

/// Registers the messages. The first registration stays.
pub fn register_kernel_log(log: &'static dyn KernelLog) {
    LOG.call_once(|| log);
}

/// There are more messages. Not called with a lock held.
pub fn kernel_log_grew() {
    ARRIVALS.wake_all();
}

fn copy(log: &dyn KernelLog, at: u64, len: usize) -> Vec<u8> {
    let mut bytes = alloc::vec![0; len];
    let got = log.read(at, &mut bytes);
    bytes.truncate(got);
    bytes
}

/// The last `most` bytes of what is kept from `from` on, in whole lines.
fn last(log: &dyn KernelLog, from: u64, most: usize) -> Vec<u8> {
    let (first, end) = log.bounds();
    let from = from.clamp(first, end);
    let all = copy(log, from, (end - from) as usize);
    if all.len() <= most {
        return all;
    }
    let cut = &all[all.len() - most..];
    let line = cut.iter().position(|&byte| byte == b'\n').map_or(cut.len(), |at| at + 1);
    cut[line..].to_vec()
}

/// syslog(2), which libcs call klogctl(3).
pub fn syslog(cx: &mut Cx<'_>, action: Int, buf: UserAddr, number: Int) -> Res<usize> {
    let anybody = matches!(action.0, s::READ_ALL | s::SIZE_BUFFER);
    if !anybody && !cx.process().credentials().is_privileged() {
        return Err(Errno::EPERM.into());
    }
    let reads = matches!(action.0, s::READ | s::READ_ALL | s::READ_CLEAR);
    let len = match usize::try_from(number.0) {
        _ if !reads => 0,
        Ok(_) if buf.is_null() => return Err(Errno::EINVAL.into()),
        Err(_) => return Err(Errno::EINVAL.into()),
        Ok(0) => return Ok(0),
        Ok(len) if !buf.range_ok(len) => return Err(Errno::EFAULT.into()),
        Ok(len) => len,
    };
    let Some(log) = LOG.get().copied() else { return Ok(0) };
    match action.0 {
        s::CLOSE | s::OPEN => Ok(0),
        s::READ => {
            let taken = ARRIVALS.wait_until(Wait::INTERRUPTIBLE, || {
                let mut places = PLACES.lock();
                let (first, end) = log.bounds();
                let at = places.0.max(first);
                let bytes = copy(log, at, len.min((end - at) as usize));
                places.0 = at + bytes.len() as u64;
                (!bytes.is_empty()).then_some(bytes)
            });
            let bytes = taken.map_err(|error| error.or_timeout(Errno::EINTR))?;
            cx.write_bytes(buf, &bytes)?;
            Ok(bytes.len())
        }
        s::READ_ALL | s::READ_CLEAR => {
            let bytes = last(log, PLACES.lock().1, len);
            cx.write_bytes(buf, &bytes)?;
            if action.0 == s::READ_CLEAR {
                PLACES.lock().1 = log.bounds().1;
            }
            Ok(bytes.len())
        }
        s::CLEAR => {
            PLACES.lock().1 = log.bounds().1;
            Ok(0)
        }
        s::CONSOLE_OFF => {
            log.set_console_level(1);
            Ok(0)
        }
        s::CONSOLE_ON => {
            log.set_console_level(7);
            Ok(0)
        }
        s::CONSOLE_LEVEL => match u8::try_from(number.0) {
            Ok(level @ 1..=8) => {
                log.set_console_level(level);
                Ok(0)
            }
            _ => Err(Errno::EINVAL.into()),
        },
        s::SIZE_UNREAD => {
            let (first, end) = log.bounds();
            Ok((end - PLACES.lock().0.clamp(first, end)) as usize)
        }
        s::SIZE_BUFFER => Ok(log.capacity()),
        _ => Err(Errno::EINVAL.into()),
    }
}
