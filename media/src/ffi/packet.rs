//! Coded packets.

use std::ptr::NonNull;

use ffmpeg_next::ffi;

use super::{out_of_memory, raw_timestamp, timestamp};
use crate::error::MediaError;

/// One coded packet, or an empty one to read into.
#[derive(Debug)]
pub struct Packet {
    raw: NonNull<ffi::AVPacket>,
}

// SAFETY: a packet owns its data by atomic reference counts and isn't tied to a thread.
unsafe impl Send for Packet {}

impl Packet {
    /// An empty packet.
    ///
    /// # Errors
    ///
    /// Out of memory.
    pub fn new() -> Result<Self, MediaError> {
        // SAFETY: allocates or returns null.
        let raw = unsafe { ffi::av_packet_alloc() };
        let raw = NonNull::new(raw).ok_or_else(|| out_of_memory("packet"))?;
        Ok(Self { raw })
    }

    pub(super) fn raw(&self) -> &ffi::AVPacket {
        // SAFETY: allocated in `new`, freed in `drop` only.
        unsafe { self.raw.as_ref() }
    }

    fn raw_mut(&mut self) -> &mut ffi::AVPacket {
        // SAFETY: allocated in `new`, freed in `drop` only; borrowed exclusively.
        unsafe { self.raw.as_mut() }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut ffi::AVPacket {
        self.raw.as_ptr()
    }

    /// Lets go of the data; every timestamp is unset.
    pub fn clear(&mut self) {
        // SAFETY: the packet is valid.
        unsafe { ffi::av_packet_unref(self.as_mut_ptr()) };
    }

    /// Index of its stream.
    pub fn stream(&self) -> u32 {
        u32::try_from(self.raw().stream_index).unwrap_or(u32::MAX)
    }

    /// Presentation time.
    pub fn pts(&self) -> Option<i64> {
        timestamp(self.raw().pts)
    }

    /// Decoding time.
    pub fn dts(&self) -> Option<i64> {
        timestamp(self.raw().dts)
    }

    /// Replaces both times.
    pub fn set_times(&mut self, pts: Option<i64>, dts: Option<i64>) {
        let raw = self.raw_mut();
        raw.pts = raw_timestamp(pts);
        raw.dts = raw_timestamp(dts);
    }

    /// Duration in ticks, 0 where unknown.
    pub fn duration(&self) -> i64 {
        self.raw().duration
    }

    /// Byte position in the source.
    pub fn position(&self) -> Option<u64> {
        u64::try_from(self.raw().pos).ok()
    }

    /// Whether decoding can begin here, as the container or parser says.
    pub fn is_key(&self) -> bool {
        self.raw().flags & ffi::AV_PKT_FLAG_KEY != 0
    }

    /// Whether the container says that this packet isn't shown.
    pub fn is_discarded(&self) -> bool {
        self.raw().flags & ffi::AV_PKT_FLAG_DISCARD != 0
    }

    /// Whether it carries what is needed to decrypt it.
    pub fn is_encrypted(&self) -> bool {
        let mut size = 0;
        // SAFETY: the packet is valid; the answer points into it and is only compared with null.
        let data = unsafe {
            ffi::av_packet_get_side_data(
                self.raw.as_ptr(),
                ffi::AVPacketSideDataType::AV_PKT_DATA_ENCRYPTION_INFO,
                &raw mut size,
            )
        };
        !data.is_null()
    }

    /// The coded bytes.
    pub fn data(&self) -> &[u8] {
        let raw = self.raw();
        let length = usize::try_from(raw.size).unwrap_or(0);
        if raw.data.is_null() || length == 0 {
            return &[];
        }
        // SAFETY: a packet's data is readable for its size and lives as long as the packet.
        unsafe { std::slice::from_raw_parts(raw.data, length) }
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: ours, and never used again.
        unsafe { ffi::av_packet_free(&raw mut raw) };
    }
}
