//! A flow's device: one packet in, and the way out through the shared link layer.

use super::{FlowKey, TCP_HEADER};
use crate::host;
use crate::stack::Stack;
use smoltcp::phy::{self, Checksum, DeviceCapabilities, Medium};
use smoltcp::time::Instant as SmolInstant;
use smoltcp::wire::{TcpPacket, TcpSeqNumber};

/// What smoltcp takes for its device: one packet in, and the way out through the shared link layer.
pub(super) struct Port<'a> {
    pub(super) stack: &'a Stack,
    pub(super) key: FlowKey,
    pub(super) packet: Option<&'a [u8]>,
    pub(super) highest: &'a mut Option<TcpSeqNumber>,
    /// The class that packets are marked with.
    pub(super) class: u8,
}

pub(super) struct RxToken<'a>(&'a [u8]);
pub(super) struct TxToken<'a> {
    stack: &'a Stack,
    key: FlowKey,
    highest: &'a mut Option<TcpSeqNumber>,
    class: u8,
}

/// When smoltcp sends again what was not acknowledged, its acknowledgements bear the old sequence number too. A peer
/// that has those bytes must not accept such a segment, nor what it acknowledges (RFC 9293, 3.10.7.4); two such peers
/// in that state at once would never hear each other again. So an acknowledgement without data bears the number
/// behind all that was sent (SND.NXT before the retransmission), as other stacks' do. Returns whether it changed
/// the segment.
fn mend_acknowledgement(segment: &mut TcpPacket<&mut [u8]>, highest: &mut Option<TcpSeqNumber>) -> bool {
    let (start, len) = (segment.seq_number(), segment.segment_len());
    if segment.rst() {
        return false;
    }
    match *highest {
        Some(sent) if len == 0 && start < sent => {
            segment.set_seq_number(sent);
            return true;
        }
        Some(sent) if start + len <= sent && !segment.syn() => {}
        _ => *highest = Some(start + len),
    }
    false
}

impl phy::Device for Port<'_> {
    type RxToken<'b>
        = RxToken<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = TxToken<'b>
    where
        Self: 'b;

    fn receive(&mut self, _: SmolInstant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let packet = self.packet.take()?;
        let transmit = TxToken { stack: self.stack, key: self.key, highest: self.highest, class: self.class };
        Some((RxToken(packet), transmit))
    }

    fn transmit(&mut self, _: SmolInstant) -> Option<TxToken<'_>> {
        let Port { stack, key, highest, class, .. } = self;
        stack.has_room().then_some(TxToken { stack, key: *key, highest, class: *class })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.stack.mtu();
        // The classifier verified what the device does not vouch for.
        capabilities.checksum.tcp =
            if self.stack.completes_checksums() { Checksum::None } else { Checksum::Tx };
        capabilities
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let offload = self.stack.completes_checksums();
        let (local, remote) = (self.key.local.ip(), self.key.remote.ip());
        let header = host::header_len(remote);
        self.stack.transmit_ip(remote, len, offload.then_some(16), |packet| {
            let result = f(packet);
            if packet.len() < header + TCP_HEADER {
                return result;
            }
            host::set_class(packet, self.class);
            let mut segment = TcpPacket::new_unchecked(&mut packet[header..]);
            let mended = mend_acknowledgement(&mut segment, self.highest);
            if offload {
                let sum = host::pseudo_header_sum(local, remote, 6, len - header);
                segment.set_checksum(!host::internet_checksum(sum, &[]));
            } else if mended {
                segment.fill_checksum(&local.into(), &remote.into());
            }
            result
        })
    }
}
