use super::*;
use crate::terminal::sane;
use alloc::vec::Vec;
use osv_abi::uapi::termios::oflag as o;
use osv_base::io::SliceSink;

/// Types `bytes`; gives what that means beyond them.
fn typed(line: &mut Discipline, bytes: &[u8]) -> Vec<Effect> {
    let mut effects = Vec::new();
    assert_eq!(line.receive(bytes, &mut |effect| effects.push(effect)), bytes.len());
    effects
}

fn read(line: &mut Discipline, len: usize) -> Vec<u8> {
    let mut buf = alloc::vec![0; len];
    let (n, _) = line.read(&mut SliceSink::new(&mut buf));
    buf.truncate(n);
    buf
}

/// What the device has been shown since the last time.
fn shown(line: &mut Discipline) -> Vec<u8> {
    let (front, back) = line.output();
    let all = [front, back].concat();
    line.take_output(all.len());
    all
}

fn with(change: impl FnOnce(&mut Termios)) -> Discipline {
    let mut termios = sane();
    change(&mut termios);
    Discipline::new(termios)
}

fn raw(minimum: u8) -> Discipline {
    with(|t| {
        (t.iflag, t.oflag, t.lflag) = (0, 0, 0);
        t.cc[cc::VMIN] = minimum;
    })
}

#[test]
fn a_line_can_be_read_once_it_is_ended() {
    let mut line = Discipline::new(sane());
    typed(&mut line, b"hello");
    assert_eq!((line.available(), line.is_readable()), (0, false));
    typed(&mut line, b"\rworld\n");
    assert_eq!(line.waiting(), 12);
    assert_eq!(read(&mut line, 3), b"hel");
    assert_eq!(read(&mut line, 100), b"lo\n");
    assert_eq!(read(&mut line, 100), b"world\n");
    assert_eq!(shown(&mut line), b"hello\r\nworld\r\n");
}

#[test]
fn an_end_of_file_ends_a_line_and_is_not_part_of_it() {
    let mut line = Discipline::new(sane());
    typed(&mut line, b"ab\x04\x04x\n");
    assert_eq!(line.waiting(), 4);
    assert_eq!(read(&mut line, 9), b"ab");
    assert!(line.is_readable());
    assert_eq!(read(&mut line, 9), b"");
    assert_eq!(read(&mut line, 9), b"x\n");
    // A buffer that is just full takes the end along.
    typed(&mut line, b"ab\x04cd\n");
    assert_eq!(read(&mut line, 2), b"ab");
    assert_eq!(read(&mut line, 2), b"cd");
    assert_eq!(read(&mut line, 2), b"\n");
}

#[test]
fn erasing_takes_characters_words_and_lines_back() {
    let mut line = Discipline::new(sane());
    typed(&mut line, b"abc\x7f\x7fx\n");
    assert_eq!(read(&mut line, 9), b"ax\n");
    assert_eq!(shown(&mut line), b"abc\x08 \x08\x08 \x08x\r\n");
    typed(&mut line, b"two words \x17x\n");
    assert_eq!(read(&mut line, 99), b"two x\n");
    shown(&mut line);
    typed(&mut line, b"gone\x15here\n");
    assert_eq!(read(&mut line, 99), b"here\n");
    assert_eq!(shown(&mut line), [&b"gone"[..], &b"\x08 \x08".repeat(4), b"here\r\n"].concat());
    // What was ended stays.
    typed(&mut line, b"kept\n\x7f\x15\n");
    assert_eq!(read(&mut line, 99), b"kept\n");
}

#[test]
fn a_utf8_character_is_erased_whole() {
    let mut line = with(|t| t.iflag |= i::IUTF8);
    typed(&mut line, "aä€\x7f\x7f\n".as_bytes());
    assert_eq!(read(&mut line, 9), b"a\n");
    let mut bytes = Discipline::new(sane());
    typed(&mut bytes, "ä\x7f\n".as_bytes());
    assert_eq!(read(&mut bytes, 9), b"\xc3\n");
}

#[test]
fn a_tab_is_erased_back_to_where_it_began() {
    let mut line = Discipline::new(sane());
    line.write(b"> ");
    typed(&mut line, b"ab\t\x7f");
    assert_eq!(shown(&mut line), [&b"> ab\t"[..], &[8; 4]].concat());
}

#[test]
fn control_characters_are_shown_with_a_caret_and_erased_so() {
    let mut line = Discipline::new(sane());
    typed(&mut line, b"\x01\x7f");
    assert_eq!(shown(&mut line), b"^A\x08 \x08\x08 \x08");
    typed(&mut line, b"\x16\x03\n");
    assert_eq!(shown(&mut line), b"^\x08^C\r\n");
    assert_eq!(read(&mut line, 9), b"\x03\n");
}

#[test]
fn signal_characters_signal_and_throw_away_what_waits() {
    let mut line = Discipline::new(sane());
    let effects = typed(&mut line, b"done\nhalf\x03");
    assert_eq!(effects, [Effect::Signal(sig::INT), Effect::Flushed]);
    assert_eq!((line.available(), read(&mut line, 9)), (0, Vec::new()));
    assert!(shown(&mut line).ends_with(b"half^C"));
    let mut kept = with(|t| t.lflag |= l::NOFLSH);
    assert_eq!(typed(&mut kept, b"a\x1cb\x1a\n"), [Effect::Signal(sig::QUIT), Effect::Signal(sig::TSTP)]);
    assert_eq!(read(&mut kept, 9), b"ab\n");
    let mut plain = with(|t| t.lflag &= !l::ISIG);
    assert_eq!(typed(&mut plain, b"\x03\n"), []);
    assert_eq!(read(&mut plain, 9), b"\x03\n");
}

#[test]
fn a_character_that_is_switched_off_is_a_byte_like_others() {
    let mut line = with(|t| t.cc[cc::VINTR] = 0);
    assert_eq!(typed(&mut line, b"\x03\0\n"), []);
    assert_eq!(read(&mut line, 9), b"\x03\0\n");
}

#[test]
fn output_stops_and_goes_on() {
    let mut line = Discipline::new(sane());
    assert_eq!(typed(&mut line, b"\x13"), [Effect::Stopped]);
    assert_eq!(line.output_room(), 0);
    typed(&mut line, b"x");
    assert_eq!(shown(&mut line), b"");
    assert_eq!(typed(&mut line, b"\x11"), [Effect::Started]);
    assert_eq!(shown(&mut line), b"x");
    // Without IXON nobody could start it again.
    typed(&mut line, b"\x13");
    let mut termios = sane();
    termios.iflag &= !i::IXON;
    assert_eq!(line.set_termios(termios), Some(Effect::Started));
    assert!(!line.is_stopped());
}

#[test]
fn output_is_processed_as_the_flags_say() {
    let mut line = Discipline::new(sane());
    line.write(b"a\nb\rc\t");
    assert_eq!(shown(&mut line), b"a\r\nb\rc\t");
    let mut tabs = with(|t| t.oflag = o::OPOST | o::XTABS);
    tabs.write(b"abc\td\n\tx");
    assert_eq!(shown(&mut tabs), b"abc     d\n       x");
    let mut returns = with(|t| t.oflag = o::OPOST | o::OCRNL | o::ONOCR);
    returns.write(b"\ra\r");
    assert_eq!(shown(&mut returns), b"a\n");
    let mut plain = raw(1);
    plain.write(b"\n\t");
    assert_eq!(shown(&mut plain), b"\n\t");
}

#[test]
fn without_lines_each_byte_counts() {
    let mut line = raw(3);
    typed(&mut line, b"a\r");
    assert_eq!((line.available(), line.is_readable(), line.minimum()), (2, false, 3));
    typed(&mut line, b"\x04");
    assert!(line.is_readable());
    assert_eq!(read(&mut line, 9), b"a\r\x04");
    assert_eq!(shown(&mut line), b"");
}

#[test]
fn what_was_typed_in_one_mode_is_read_in_the_other() {
    let mut line = Discipline::new(sane());
    typed(&mut line, b"done\nhalf");
    line.set_termios(*raw(1).termios());
    assert_eq!(read(&mut line, 99), b"done\nhalf");
    typed(&mut line, b"more");
    line.set_termios(sane());
    assert_eq!(read(&mut line, 99), b"more");
}

#[test]
fn a_line_that_is_too_long_keeps_its_start_and_can_be_ended() {
    let mut line = with(|t| t.lflag &= !l::ECHO);
    typed(&mut line, &[b'a'; INPUT_MAX + 100]);
    typed(&mut line, b"\n");
    let all = read(&mut line, 2 * INPUT_MAX);
    assert_eq!((all.len(), all.last()), (INPUT_MAX, Some(&b'\n')));
    // Without lines, what does not fit waits outside.
    let mut line = raw(1);
    let taken = line.receive(&[b'a'; INPUT_MAX + 100], &mut |_| {});
    assert_eq!(taken, INPUT_MAX - 1);
}

#[test]
fn reprint_shows_the_line_again() {
    let mut line = Discipline::new(sane());
    typed(&mut line, b"ab\x12");
    assert_eq!(shown(&mut line), b"ab^R\r\nab");
}
