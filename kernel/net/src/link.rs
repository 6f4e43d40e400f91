//! The link that a stack sends on and receives from; a driver implements it.

/// The device cannot take a frame now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFull;

/// Where the device is to complete a checksum: it sums from `start` to the end of the frame and stores the
/// result `offset` bytes after `start` (virtio 1.2, 5.1.6.2, VIRTIO_NET_HDR_F_NEEDS_CSUM). The field already
/// holds the sum of the pseudo header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedsChecksum {
    /// First byte summed, from the start of the frame.
    pub start: usize,
    /// Position of the field, from `start`.
    pub offset: usize,
}

/// An Ethernet device.
pub trait LinkDevice: Send + Sync {
    /// Hardware address.
    fn mac(&self) -> [u8; 6];
    /// Largest IP packet.
    fn mtu(&self) -> usize;
    /// Whether [`NeedsChecksum`] is understood.
    fn completes_checksums(&self) -> bool;
    /// Whether [`LinkDevice::transmit`] would take a frame now.
    fn has_room(&self) -> bool;
    /// Sends a frame of `len` bytes that `fill` writes. It may be called by several threads.
    fn transmit(
        &self,
        len: usize,
        checksum: Option<NeedsChecksum>,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), LinkFull>;
    /// Hands the frames that arrived to `each`, with whether the device vouches for the checksums, at most
    /// `budget` of them; returns how many. When another thread is at it already, returns 0.
    fn receive(&self, budget: usize, each: &mut dyn FnMut(&[u8], bool)) -> usize;
    /// Asks for an interrupt when a frame arrives; `false` when some are waiting already, and then no interrupt
    /// is promised.
    fn arm(&self) -> bool;
}
