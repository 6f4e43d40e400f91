//! The machine's side of the standard streams: a supervisor's channel over virtio-console or the serial port, or the
//! bare serial port.
//!
//! One thread, [`serve`], owns what comes in and sends what goes out; writers hand it their bytes under a lock and
//! wait when there is no room.

use crate::doorbell::Doorbell;
use crate::log;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use osv_abi::channel::Exit;
use osv_abi::uapi::signal::sig;
use osv_base::{Errno, Res, warn};
use osv_fs::console::{Console, INPUT_MAX, Output, Streams};
use osv_hw::{irq, serial};
use osv_sync::{Mutex, Wait, WaitQueue};
use osv_virtio::supervisor::{Endpoint, Event, Stdin, Stream};
use spin::Once;

/// The serial port's interrupt line.
const SERIAL_LINE: u32 = 4;
/// How long the supervisor may take to acknowledge the exit status.
const FAREWELL: Duration = Duration::from_secs(5);

static BELL: Doorbell = Doorbell::new();
/// Input of the serial port, filled by its interrupt handler.
static SERIAL_INPUT: SerialInput = SerialInput::new();

/// Wakes the channel's thread.
pub fn ring() {
    BELL.ring();
}

/// What carries the bytes.
pub enum Port {
    /// A virtio console.
    Virtio(Box<osv_virtio::console::Console>),
    /// COM1.
    Serial,
}

impl Port {
    fn read(&mut self, to: &mut [u8]) -> usize {
        match self {
            Port::Virtio(console) => console.read(to).unwrap_or(0),
            Port::Serial => SERIAL_INPUT.take(to),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        match self {
            Port::Virtio(console) => console.write(bytes).unwrap_or(bytes.len()),
            Port::Serial => {
                serial::write(bytes);
                bytes.len()
            }
        }
    }

    fn is_drained(&mut self) -> bool {
        match self {
            Port::Virtio(console) => console.is_drained().unwrap_or(true),
            Port::Serial => true,
        }
    }

    /// Asks for the next interrupt; `true`: there is something to do already.
    fn listen(&mut self, output_waits: bool) -> bool {
        match self {
            Port::Virtio(console) => console.enable_interrupts(output_waits),
            Port::Serial => SERIAL_INPUT.len() > 0,
        }
    }
}

/// Turns the serial port's interrupt into input.
pub fn listen_to_serial() {
    let heard = irq::bind_line(
        SERIAL_LINE,
        Arc::new(|| {
            while let Some(byte) = serial::read() {
                SERIAL_INPUT.put(byte);
            }
            BELL.ring();
        }),
    );
    if heard {
        serial::enable_receive_interrupt();
    } else {
        warn!("no interrupt for the serial port: there is no input from it");
    }
}

/// What supervisor and guest say to each other, and through what.
struct Link {
    port: Port,
    /// `None`: bytes are the application's, plain.
    endpoint: Option<Endpoint>,
}

/// The channel.
pub struct Channel {
    link: Mutex<Link>,
    room: WaitQueue,
    streams: Once<Arc<Streams>>,
    /// Input that the streams hold: they must never be given more than they take.
    held: AtomicUsize,
    farewell: AtomicBool,
    /// How often the thread has looked at the port.
    passes: AtomicUsize,
    on_event: fn(Event),
}

impl Channel {
    /// A channel through `port`, with frames if `framed`. `on_event` hears what is not about streams.
    pub fn new(port: Port, framed: bool, on_event: fn(Event)) -> Arc<Channel> {
        let link = Link { port, endpoint: framed.then(Endpoint::new) };
        Arc::new(Channel {
            link: Mutex::new(link),
            room: WaitQueue::new(),
            streams: Once::new(),
            held: AtomicUsize::new(0),
            farewell: AtomicBool::new(false),
            passes: AtomicUsize::new(0),
            on_event,
        })
    }

    /// Where input goes.
    pub fn connect(&self, streams: &Arc<Streams>) {
        self.streams.call_once(|| streams.clone());
    }

    /// Sends what waits, as far as the port takes it.
    fn flush(link: &mut Link) {
        let Some(endpoint) = &mut link.endpoint else { return };
        while endpoint.output_len() > 0 {
            let sent = link.port.write(endpoint.output());
            endpoint.sent(sent);
            if sent == 0 {
                return;
            }
        }
    }

    /// The channel's thread.
    pub fn serve(&self) -> ! {
        loop {
            let mut events = alloc::vec::Vec::new();
            let busy = {
                let mut link = self.link.lock();
                let link = &mut *link;
                self.receive(link, &mut events);
                Self::send_log(link);
                self.send_terminal(link);
                Self::flush(link);
                let waits = link.endpoint.as_ref().is_some_and(|endpoint| endpoint.output_len() > 0);
                link.port.listen(waits)
            };
            self.passes.fetch_add(1, Ordering::AcqRel);
            self.room.wake_all();
            if crate::ending::was_asked() {
                events.push(Event::Signal(sig::TERM as u8));
            }
            for event in events {
                if event == Event::ExitAcknowledged {
                    self.farewell.store(true, Ordering::Release);
                    self.room.wake_all();
                } else {
                    (self.on_event)(event);
                }
            }
            if !busy {
                BELL.wait(None);
            }
        }
    }

    fn receive(&self, link: &mut Link, events: &mut alloc::vec::Vec<Event>) {
        let Some(streams) = self.streams.get() else { return };
        let mut buf = [0u8; 512];
        match &mut link.endpoint {
            Some(endpoint) => {
                loop {
                    let n = link.port.read(&mut buf);
                    if n == 0 {
                        break;
                    }
                    endpoint.receive(&buf[..n], |event| events.push(event));
                }
                loop {
                    let room = INPUT_MAX.saturating_sub(self.held.load(Ordering::Acquire)).min(buf.len());
                    if room == 0 {
                        break;
                    }
                    match endpoint.read_stdin(&mut buf[..room]) {
                        Stdin::Bytes(n) => self.feed(streams, &buf[..n]),
                        Stdin::Empty => break,
                        Stdin::End => {
                            streams.end_input();
                            break;
                        }
                    }
                }
            }
            None => loop {
                let room = INPUT_MAX.saturating_sub(self.held.load(Ordering::Acquire)).min(buf.len());
                let n = link.port.read(&mut buf[..room]);
                if n == 0 {
                    break;
                }
                self.feed(streams, &buf[..n]);
            },
        }
    }

    fn feed(&self, streams: &Arc<Streams>, bytes: &[u8]) {
        self.held.fetch_add(bytes.len(), Ordering::AcqRel);
        let taken = streams.feed(bytes);
        self.held.fetch_sub(bytes.len() - taken, Ordering::AcqRel);
    }

    /// Sends what the console's terminal shows, as far as the port takes it.
    fn send_terminal(&self, link: &mut Link) {
        let Some(streams) = self.streams.get() else { return };
        let mut buf = [0u8; 512];
        loop {
            let room = match &mut link.endpoint {
                Some(endpoint) if endpoint.output_room() < buf.len() => {
                    Self::flush(link);
                    link.endpoint.as_ref().map_or(0, Endpoint::output_room)
                }
                _ => buf.len(),
            };
            if room < buf.len() {
                return;
            }
            let n = streams.take_output(&mut buf);
            if n == 0 {
                return;
            }
            match &mut link.endpoint {
                Some(endpoint) => drop(endpoint.write(Stream::Stdout, &buf[..n])),
                None => drop(link.port.write(&buf[..n])),
            }
        }
    }

    fn send_log(link: &mut Link) {
        let mut buf = [0u8; 512];
        let Some(endpoint) = &mut link.endpoint else { return };
        while endpoint.output_room() >= buf.len() {
            let n = log::take(&mut buf);
            if n == 0 {
                break;
            }
            endpoint.write(Stream::Log, &buf[..n]);
        }
    }

    /// Sends a report of what each thread does.
    pub fn report(&self, text: &[u8]) {
        match &mut self.link.lock().endpoint {
            Some(endpoint) => endpoint.report(text),
            None => serial::write(text),
        }
        BELL.ring();
    }

    /// Waits until all that the terminal shows is on its way.
    fn show_the_rest(&self, deadline: osv_base::Instant) {
        let Some(streams) = self.streams.get() else { return };
        if let Some(tty) = streams.tty() {
            tty.release_output();
        }
        BELL.ring();
        let how = Wait { deadline: Some(deadline), ..Wait::UNINTERRUPTIBLE };
        let shown = || streams.output_is_empty().then_some(());
        if self.room.wait_until(how, shown).is_err() {
            warn!("the supervisor did not take all of the terminal's output");
        }
    }

    /// Says how the application ended, and waits until that has arrived.
    pub fn farewell(&self, exit: Exit) {
        let deadline = osv_sync::park::now() + FAREWELL;
        self.show_the_rest(deadline);
        let framed = {
            let mut link = self.link.lock();
            Self::send_log(&mut link);
            if let Some(endpoint) = &mut link.endpoint {
                endpoint.exit(exit);
            }
            Self::flush(&mut link);
            link.endpoint.is_some()
        };
        BELL.ring();
        let said = || self.farewell.load(Ordering::Acquire).then_some(());
        let how = Wait { deadline: Some(deadline), ..Wait::UNINTERRUPTIBLE };
        if framed && self.room.wait_until(how, said).is_err() {
            warn!("the supervisor did not acknowledge the exit status");
        }
        let mut link = self.link.lock();
        while !link.port.is_drained() && osv_sync::park::now() < deadline {
            core::hint::spin_loop();
        }
    }

    /// Sends a piece of a trace; may sleep.
    pub fn trace(&self, text: &[u8]) -> Res<()> {
        self.send(Stream::Trace, text)
    }

    fn send(&self, stream: Stream, bytes: &[u8]) -> Res<()> {
        let mut done = 0;
        while done < bytes.len() {
            let pass = self.passes.load(Ordering::Acquire);
            let n = {
                let mut link = self.link.lock();
                let link = &mut *link;
                let n = match &mut link.endpoint {
                    Some(endpoint) => endpoint.write(stream, &bytes[done..]),
                    None => link.port.write(&bytes[done..]),
                };
                Self::flush(link);
                n
            };
            done += n;
            if n == 0 {
                BELL.ring();
                let moved = || (self.passes.load(Ordering::Acquire) != pass).then_some(());
                self.room.wait_until(Wait::UNINTERRUPTIBLE, moved).map_err(|_| Errno::EIO)?;
            }
        }
        BELL.ring();
        Ok(())
    }
}

impl Console for Channel {
    fn write(&self, stream: Output, bytes: &[u8]) -> Res<()> {
        self.send(if stream == Output::Stdout { Stream::Stdout } else { Stream::Stderr }, bytes)
    }

    fn room(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::AcqRel);
        BELL.ring();
    }

    fn output(&self) {
        BELL.ring();
    }
}

/// Bytes from the serial port: the interrupt handler puts, the channel's thread takes.
struct SerialInput {
    bytes: [core::sync::atomic::AtomicU8; 4096],
    put: AtomicUsize,
    taken: AtomicUsize,
}

impl SerialInput {
    const fn new() -> SerialInput {
        SerialInput {
            bytes: [const { core::sync::atomic::AtomicU8::new(0) }; 4096],
            put: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
        }
    }

    fn len(&self) -> usize {
        self.put.load(Ordering::Acquire).wrapping_sub(self.taken.load(Ordering::Acquire))
    }

    fn put(&self, byte: u8) {
        let at = self.put.load(Ordering::Relaxed);
        if self.len() < self.bytes.len() {
            self.bytes[at % self.bytes.len()].store(byte, Ordering::Relaxed);
            self.put.store(at.wrapping_add(1), Ordering::Release);
        }
    }

    fn take(&self, to: &mut [u8]) -> usize {
        let n = self.len().min(to.len());
        let start = self.taken.load(Ordering::Relaxed);
        for (index, byte) in to[..n].iter_mut().enumerate() {
            *byte = self.bytes[start.wrapping_add(index) % self.bytes.len()].load(Ordering::Relaxed);
        }
        self.taken.store(start.wrapping_add(n), Ordering::Release);
        n
    }
}
