//! The conversation with a guest: what we know, and what each event makes us do. No I/O, no clock.

use osv_abi::channel::{Exit, Frame, VERSION, WindowSize};

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Send the guest this frame.
    Send(Message),
    /// Let so many bytes more of standard input through.
    GrantStdin(u32),
    /// Set a time limit for the guest to end by itself; `Event::Overdue` follows if it doesn't.
    AllowMoment,
    /// Kill the machine.
    Kill,
}

/// A frame to the guest that carries no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    Signal(u8),
    WindowSize(WindowSize),
    ExitAck,
    ReportRequest,
}

impl Message {
    pub(super) fn frame(self) -> Frame<'static> {
        match self {
            Self::Signal(signal) => Frame::Signal(signal),
            Self::WindowSize(size) => Frame::WindowSize(size),
            Self::ExitAck => Frame::ExitAck,
            Self::ReportRequest => Frame::ReportRequest,
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// A frame came that isn't output.
    Frame(Frame<'a>),
    /// We got a signal that is the application's.
    Signal(u8),
    /// The terminal has this size.
    WindowSize(WindowSize),
    /// `--timeout` is over.
    Timeout,
    /// What a moment was allowed for hasn't happened.
    Overdue,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The guest said how the application ended.
    Exit(Exit),
    /// A second signal ended the machine.
    Interrupted(u8),
    /// Time was up; this is what the threads waited for.
    Timeout(String),
    /// The guest speaks another version.
    WrongVersion(u16),
    /// The machine ended by itself and nobody knows why.
    Vanished,
}

#[derive(Debug, Default)]
pub(super) struct Session {
    connected: bool,
    exit: Option<Exit>,
    signals: Vec<u8>,
    window: Option<WindowSize>,
    wrong_version: Option<u16>,
    interrupted: Option<u8>,
    report: Option<String>,
}

impl Session {
    /// What to do about an event.
    pub(super) fn on(&mut self, event: Event<'_>) -> Vec<Action> {
        match event {
            Event::Frame(frame) => self.on_frame(frame),
            Event::Signal(signal) if self.signals.is_empty() => {
                self.signals.push(signal);
                self.if_connected(Message::Signal(signal))
            }
            Event::Signal(signal) => {
                self.interrupted = Some(signal);
                vec![Action::Kill]
            }
            Event::WindowSize(size) => {
                self.window = Some(size);
                self.if_connected(Message::WindowSize(size))
            }
            Event::Timeout => {
                self.report = Some(String::new());
                let mut actions = self.if_connected(Message::ReportRequest);
                actions.push(if actions.is_empty() { Action::Kill } else { Action::AllowMoment });
                actions
            }
            Event::Overdue => vec![Action::Kill],
        }
    }

    fn on_frame(&mut self, frame: Frame<'_>) -> Vec<Action> {
        match frame {
            Frame::Hello { version, .. } if version != VERSION => {
                self.wrong_version = Some(version);
                vec![Action::Kill]
            }
            Frame::Hello { stdin_credit, .. } => {
                self.connected = true;
                let signals = self.signals.iter().map(|signal| Message::Signal(*signal));
                let waiting = self.window.map(Message::WindowSize).into_iter().chain(signals);
                waiting.map(Action::Send).chain([Action::GrantStdin(stdin_credit)]).collect()
            }
            Frame::StdinCredit(bytes) => vec![Action::GrantStdin(bytes)],
            Frame::Exit(exit) => {
                self.exit = Some(exit);
                vec![Action::Send(Message::ExitAck), Action::AllowMoment]
            }
            Frame::Report(text) => match &mut self.report {
                Some(_) if text.is_empty() => vec![Action::Kill],
                Some(report) => {
                    report.push_str(&String::from_utf8_lossy(text));
                    Vec::new()
                }
                None => Vec::new(),
            },
            // Output is passed on before it gets here, and what only we may send means nothing.
            _ => Vec::new(),
        }
    }

    fn if_connected(&self, message: Message) -> Vec<Action> {
        if self.connected { vec![Action::Send(message)] } else { Vec::new() }
    }

    /// Whether the guest has ever been heard of.
    pub(super) fn is_connected(&self) -> bool {
        self.connected
    }

    /// How it ended, now that the machine is gone.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self { exit: Some(exit), .. } => Outcome::Exit(exit),
            Self { wrong_version: Some(version), .. } => Outcome::WrongVersion(version),
            Self { interrupted: Some(signal), .. } => Outcome::Interrupted(signal),
            Self { report: Some(report), .. } => Outcome::Timeout(report),
            _ => Outcome::Vanished,
        }
    }
}
