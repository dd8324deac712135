//! The encoder's settings of a rendition, as libavcodec takes them.

use reelmesh_domain::media_types::{ChunkTask, VideoRendition};
use reelmesh_domain::rational::Rational;

use crate::error::MediaError;
use crate::ffi::encoder::{Encoder, VideoSettings};

/// What every x264 of ours is told (design rules 5.6 and 5.8): keys only where the plan says, for
/// scene cuts become I frames without IDR; and no wider instructions than AVX2, for those of AVX-512
/// round the macroblock tree differently. The baseline of the benchmark says the same.
pub const X264_PARAMS: &str = "keyint=infinite:min-keyint=1000000:asm=AVX2";

/// How full the decoder's buffer is taken to be where a chunk's lead-in begins, in parts of its size.
/// x264's own 0.9 is right at the start of a stream; inside one the buffer is rarely that full, and an
/// encoder that believes it is spends more than one that came all the way (2 % of the bytes under a tight
/// cap). The bucket over the joined stream is judged in any case.
const BUCKET_WITHIN: &str = "0.8";

/// Opens the encoder of a rendition: the same settings for every chunk of it.
pub(super) fn open_encoder(
    task: &ChunkTask,
    rendition: &VideoRendition,
) -> Result<Encoder, MediaError> {
    let settings = &rendition.encoder;
    let crf = format!(
        "{}.{:02}",
        settings.crf_hundredths / 100,
        settings.crf_hundredths % 100
    );
    let params = if settings.vbv.is_some() && !task.at_start {
        format!("{X264_PARAMS}:vbv-init={BUCKET_WITHIN}")
    } else {
        X264_PARAMS.to_owned()
    };
    let encoder = Encoder::video(&VideoSettings {
        encoder: "libx264",
        width: rendition.width,
        height: rendition.height,
        time_base: task.output_time_base,
        frame_rate: nominal_rate(task)?,
        color: rendition.color,
        vbv: settings.vbv,
        options: &[
            ("preset", &settings.preset),
            ("profile", &settings.profile),
            ("crf", &crf),
            ("forced-idr", "1"),
            ("a53cc", "0"),
            ("x264-params", &params),
        ],
    })?;
    if encoder.reorder_depth() == settings.reorder_depth {
        Ok(encoder)
    } else {
        Err(MediaError::Bug {
            rule: format!(
                "{}: the plan knows how deep x264 reorders: {} planned, {} opened",
                rendition.name,
                settings.reorder_depth,
                encoder.reorder_depth()
            ),
        })
    }
}

/// Frames per second, the same for every chunk: it decides the level.
fn nominal_rate(task: &ChunkTask) -> Result<Rational, MediaError> {
    let base = task.output_time_base;
    task.nominal_frame_ticks
        .checked_mul(base.numerator())
        .and_then(|ticks| Rational::new(base.denominator(), ticks))
        .ok_or_else(|| MediaError::Bug {
            rule: format!(
                "a frame lasts some ticks of {base} s, got {}",
                task.nominal_frame_ticks
            ),
        })
}
