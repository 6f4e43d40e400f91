use super::*;

fn encode(op: u32, operand: u32, cmp: u32, compared: u32) -> u32 {
    op << 28 | cmp << 24 | (operand & 0xfff) << 12 | compared & 0xfff
}

#[test]
fn wake_op_decodes_signed_operands_and_shifts() {
    let add = WakeOp::decode(encode(1, 0xfff, 4, 5)).expect("valid");
    assert_eq!(add.changed(10), 9);
    assert!(add.holds(6) && !add.holds(5));
    let shifted = WakeOp::decode(encode(2 | 8, 4, 0, 0)).expect("valid");
    assert_eq!(shifted.changed(1), 17);
}

#[test]
fn wake_op_refuses_what_does_not_exist() {
    assert_eq!(WakeOp::decode(encode(5, 0, 0, 0)), Err(Errno::ENOSYS));
    assert_eq!(WakeOp::decode(encode(0, 0, 6, 0)), Err(Errno::ENOSYS));
}

#[test]
fn keys_spread_over_the_buckets() {
    let used: std::collections::BTreeSet<_> =
        (0..1024).map(|i| bucket_of(&Key::Private { space: 1, addr: 0x7f00_0000_0000 + i * 4 })).collect();
    assert!(used.len() > BUCKETS / 2);
}
