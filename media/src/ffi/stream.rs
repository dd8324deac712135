//! The streams of a container and their parameters.

use std::ffi::{CStr, c_int};
use std::ptr;

use ffmpeg_next::ffi;
use reelmesh_domain::media_types::Color;
use reelmesh_domain::rational::Rational;

use super::numbers::{self, ColorNumbers, number};
use super::rational;

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pictures, moving or not.
    Video,
    /// Sound.
    Audio,
    /// Subtitles.
    Subtitle,
    /// Data of another kind.
    Data,
    /// A file.
    Attachment,
    /// FFmpeg doesn't know.
    Unknown,
}

/// The codecs that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    Hevc,
    /// MPEG-4 AAC.
    Aac,
    /// FFmpeg doesn't know.
    Unknown,
    /// One that FFmpeg knows by a name.
    Other,
}

/// One stream of an open container.
#[derive(Clone, Copy)]
pub struct Stream<'i> {
    raw: &'i ffi::AVStream,
    parameters: &'i ffi::AVCodecParameters,
}

impl std::fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream {} ({})", self.index(), self.codec_name())
    }
}

impl<'i> Stream<'i> {
    pub(super) fn new(raw: &'i ffi::AVStream) -> Option<Self> {
        // SAFETY: null or parameters that live as long as the stream.
        let parameters = unsafe { raw.codecpar.as_ref() }?;
        Some(Self { raw, parameters })
    }

    pub(super) fn parameters(self) -> *const ffi::AVCodecParameters {
        self.parameters
    }

    /// Its index in the container.
    pub fn index(self) -> u32 {
        u32::try_from(self.raw.index).unwrap_or(u32::MAX)
    }

    /// Video, audio, ...
    pub fn kind(self) -> Kind {
        const KINDS: [(ffi::AVMediaType, Kind); 5] = [
            (ffi::AVMediaType::AVMEDIA_TYPE_VIDEO, Kind::Video),
            (ffi::AVMediaType::AVMEDIA_TYPE_AUDIO, Kind::Audio),
            (ffi::AVMediaType::AVMEDIA_TYPE_SUBTITLE, Kind::Subtitle),
            (ffi::AVMediaType::AVMEDIA_TYPE_DATA, Kind::Data),
            (ffi::AVMediaType::AVMEDIA_TYPE_ATTACHMENT, Kind::Attachment),
        ];
        // SAFETY: a field of parameters that live.
        let found = unsafe { number(&raw const self.parameters.codec_type) };
        let known = KINDS.into_iter().find(|(kind, _)| *kind as c_int == found);
        known.map_or(Kind::Unknown, |(_, kind)| kind)
    }

    /// The codec.
    pub fn codec(self) -> Codec {
        const CODECS: [(ffi::AVCodecID, Codec); 4] = [
            (ffi::AVCodecID::AV_CODEC_ID_H264, Codec::H264),
            (ffi::AVCodecID::AV_CODEC_ID_HEVC, Codec::Hevc),
            (ffi::AVCodecID::AV_CODEC_ID_AAC, Codec::Aac),
            (ffi::AVCodecID::AV_CODEC_ID_NONE, Codec::Unknown),
        ];
        let found = self.codec_number();
        let known = CODECS.into_iter().find(|(id, _)| *id as c_int == found);
        known.map_or(Codec::Other, |(_, codec)| codec)
    }

    /// FFmpeg's number of the codec.
    pub(super) fn codec_number(self) -> c_int {
        // SAFETY: a field of parameters that live.
        unsafe { number(&raw const self.parameters.codec_id) }
    }

    /// The codec's name.
    pub fn codec_name(self) -> String {
        static_text(numbers::codec_name(self.codec_number()))
    }

    /// The profile's name, empty where unknown.
    pub fn profile_name(self) -> String {
        let profile = self.parameters.profile;
        static_text(numbers::profile_name(self.codec_number(), profile))
    }

    /// The four characters by which the container calls the codec.
    pub fn tag(self) -> [u8; 4] {
        self.parameters.codec_tag.to_le_bytes()
    }

    /// A picture that is attached to the file, or a timed thumbnail.
    pub fn is_attached_picture(self) -> bool {
        let pictures = ffi::AV_DISPOSITION_ATTACHED_PIC | ffi::AV_DISPOSITION_TIMED_THUMBNAILS;
        self.raw.disposition & pictures != 0
    }

    /// The track that players begin with.
    pub fn is_default(self) -> bool {
        self.raw.disposition & ffi::AV_DISPOSITION_DEFAULT != 0
    }

    /// Seconds per tick.
    pub fn time_base(self) -> Rational {
        rational(self.raw.time_base)
            .filter(|base| base.numerator() > 0)
            .unwrap_or(Rational::ONE)
    }

    /// Width in bits of its timestamps.
    pub fn timestamp_bits(self) -> u8 {
        u8::try_from(self.raw.pts_wrap_bits).unwrap_or(64)
    }

    /// Frames that the container claims, 0 where it doesn't say.
    pub fn claimed_frames(self) -> i64 {
        self.raw.nb_frames
    }

    /// Mean rate of frames, if stated.
    pub fn frame_rate(self) -> Option<Rational> {
        rational(self.raw.avg_frame_rate).filter(|rate| *rate > Rational::ZERO)
    }

    /// Bits per second, if stated.
    pub fn bitrate_bps(self) -> Option<u64> {
        u64::try_from(self.parameters.bit_rate)
            .ok()
            .filter(|rate| *rate > 0)
    }

    /// Width and height in pixels, 0 where unknown.
    pub fn size(self) -> (u32, u32) {
        let side = |side: c_int| u32::try_from(side).unwrap_or(0);
        (side(self.parameters.width), side(self.parameters.height))
    }

    /// FFmpeg's number of the pixel format, negative where unknown.
    pub fn pixel_format(self) -> c_int {
        self.parameters.format
    }

    /// Shape of one pixel; the container's word goes before the codec's.
    pub fn sample_aspect(self) -> Rational {
        [
            self.raw.sample_aspect_ratio,
            self.parameters.sample_aspect_ratio,
        ]
        .into_iter()
        .filter_map(rational)
        .find(|aspect| *aspect > Rational::ZERO)
        .unwrap_or(Rational::ONE)
    }

    /// Whether the parameters say that fields are stored.
    pub fn is_interlaced(self) -> bool {
        use ffi::AVFieldOrder as F;
        // SAFETY: a field of parameters that live.
        let order = unsafe { number(&raw const self.parameters.field_order) };
        let whole = [F::AV_FIELD_UNKNOWN, F::AV_FIELD_PROGRESSIVE];
        whole.into_iter().all(|whole| whole as c_int != order)
    }

    /// What the samples mean.
    pub fn color(self) -> Color {
        let parameters = self.parameters;
        let numbers = ColorNumbers {
            // SAFETY: a field of parameters that live.
            range: unsafe { number(&raw const parameters.color_range) },
            // SAFETY: as before.
            primaries: unsafe { number(&raw const parameters.color_primaries) },
            // SAFETY: as before.
            transfer: unsafe { number(&raw const parameters.color_trc) },
            // SAFETY: as before.
            matrix: unsafe { number(&raw const parameters.color_space) },
            // SAFETY: as before.
            location: unsafe { number(&raw const parameters.chroma_location) },
        };
        numbers.color()
    }

    /// Samples per second of audio, 0 where unknown.
    pub fn sample_rate_hz(self) -> u32 {
        u32::try_from(self.parameters.sample_rate).unwrap_or(0)
    }

    /// Channels of audio, 0 where unknown.
    pub fn channels(self) -> u8 {
        u8::try_from(self.parameters.ch_layout.nb_channels).unwrap_or(0)
    }

    /// The codec's configuration.
    pub fn extradata(self) -> &'i [u8] {
        let length = usize::try_from(self.parameters.extradata_size).unwrap_or(0);
        if self.parameters.extradata.is_null() {
            return &[];
        }
        // SAFETY: readable for its size, and lives as long as the stream.
        unsafe { std::slice::from_raw_parts(self.parameters.extradata, length) }
    }

    /// A text of the stream's metadata.
    pub fn metadata(self, key: &CStr) -> Option<String> {
        // SAFETY: the dictionary is null or lives as long as the stream; the key is terminated.
        let entry = unsafe { ffi::av_dict_get(self.raw.metadata, key.as_ptr(), ptr::null(), 0) };
        // SAFETY: null or an entry of that dictionary.
        let entry = unsafe { entry.as_ref() }?;
        // SAFETY: an entry's value is a terminated string.
        let text = unsafe { CStr::from_ptr(entry.value) };
        Some(text.to_string_lossy().into_owned())
    }

    /// The display matrix: nine numbers of 16.16 bits (the last column 2.30).
    pub fn display_matrix(self) -> Option<[i32; 9]> {
        let bytes = self.side_data(ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX)?;
        let mut matrix = [0; 9];
        let (numbers, _rest) = bytes.as_chunks::<4>();
        if numbers.len() < matrix.len() {
            return None;
        }
        for (to, from) in matrix.iter_mut().zip(numbers) {
            *to = i32::from_ne_bytes(*from);
        }
        Some(matrix)
    }

    /// The profile of Dolby Vision, if the container announces it.
    pub fn dolby_vision_profile(self) -> Option<u8> {
        // The fields of the configuration are bytes; the third is the profile.
        self.side_data(ffi::AVPacketSideDataType::AV_PKT_DATA_DOVI_CONF)?
            .get(2)
            .copied()
    }

    /// Whether the container says that the stream is encrypted.
    pub fn is_encrypted(self) -> bool {
        let data = self.side_data(ffi::AVPacketSideDataType::AV_PKT_DATA_ENCRYPTION_INIT_INFO);
        data.is_some() || matches!(&self.tag(), b"encv" | b"enca" | b"drmi" | b"drms")
    }

    fn side_data(self, kind: ffi::AVPacketSideDataType) -> Option<&'i [u8]> {
        let mut size = 0;
        // SAFETY: the stream is valid; the answer is null or lives as long as the stream.
        let data = unsafe { ffi::av_stream_get_side_data(self.raw, kind, &raw mut size) };
        if data.is_null() {
            return None;
        }
        // SAFETY: readable for the size that was answered.
        Some(unsafe { std::slice::from_raw_parts(data, size) })
    }
}

pub(super) fn static_text(text: *const std::ffi::c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: FFmpeg's names are static and terminated.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().into_owned()
}

/// What a pixel format is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelFormatFacts {
    /// FFmpeg's name, such as `yuv420p`.
    pub name: String,
    /// Bits of its deepest component.
    pub bit_depth: u8,
    /// Rows of luma to a row of chroma, as a power of two.
    pub chroma_height_shift: u32,
}

/// What FFmpeg knows about a pixel format; `None` for numbers that are none.
pub fn pixel_format_facts(format: c_int) -> Option<PixelFormatFacts> {
    let mut next = ptr::null();
    loop {
        // SAFETY: null or a description that this function returned: the way to walk all of them.
        next = unsafe { ffi::av_pix_fmt_desc_next(next) };
        // SAFETY: null at the end, else static.
        let raw = unsafe { next.as_ref() }?;
        // SAFETY: a description of FFmpeg's own.
        if unsafe { ffi::av_pix_fmt_desc_get_id(next) } as c_int != format {
            continue;
        }
        let components = raw.comp.iter().take(usize::from(raw.nb_components));
        let bit_depth = components.map(|component| component.depth).max()?;
        return Some(PixelFormatFacts {
            name: static_text(raw.name),
            bit_depth: u8::try_from(bit_depth).ok()?,
            chroma_height_shift: u32::from(raw.log2_chroma_h),
        });
    }
}
