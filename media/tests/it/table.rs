//! Every file of the corpus, in scope or out, with the reason.

/// A file in scope.
pub(crate) struct InScope {
    pub(crate) name: &'static str,
    /// Frames of the exact timeline.
    pub(crate) frames: usize,
    /// Chunks into which it can be cut: one an access point, less those whose border is refuted.
    pub(crate) chunks: usize,
    /// The frames that its packets claim aren't those that the decoder delivers.
    pub(crate) claimed_wrong: bool,
    /// What is odd about it.
    pub(crate) shows: &'static str,
}

const fn file(name: &'static str, frames: usize, chunks: usize, shows: &'static str) -> InScope {
    InScope {
        name,
        frames,
        chunks,
        claimed_wrong: false,
        shows,
    }
}

/// Why a file is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It could be read and isn't in scope.
    Scope,
    /// It can't be read.
    Unreadable,
}

/// The files in scope.
pub(crate) const IN_SCOPE: &[InScope] = &[
    file(
        "attached_pic_1frame.mp4",
        1,
        1,
        "an attached picture is left out",
    ),
    file(
        "chapter_track_bin_data.mp4",
        240,
        2,
        "a data stream is left out",
    ),
    file("chapters_444.mkv", 150, 1, "4:4:4"),
    file(
        "edit_list_positive_shift.mp4",
        270,
        2,
        "an edit list that shifts",
    ),
    file(
        "empty_edit_5s.mp4",
        100,
        3,
        "an empty edit; damage that depends on what was decoded before refutes borders",
    ),
    file(
        "extradata-reload-multi-stsd.mp4",
        4,
        2,
        "two sample descriptions",
    ),
    file(
        "fmp4_bogus_duration.mp4",
        30,
        1,
        "fragmented, with a wrong duration",
    ),
    file(
        "fmp4_start10s_cea608_track.mp4",
        214,
        6,
        "fragmented, begins at ten seconds; a subtitle stream is left out",
    ),
    file(
        "fragmented_captions.mp4",
        60,
        1,
        "fragmented, variable rate",
    ),
    file(
        "gopro_gpmf_data_stream.mp4",
        250,
        1,
        "a data stream is left out",
    ),
    file(
        "h264_3bf_pyramid_nobsrestriction.mp4",
        25,
        1,
        "a B-pyramid whose depth isn't stated",
    ),
    file("h264_baseline_audio_mono.mp4", 166, 1, "AAC audio"),
    file(
        "h264_intra_refresh.mp4",
        100,
        5,
        "intra refresh: recovery points in the place of keys",
    ),
    file(
        "h264_mbaff_open_gop_cropped.mp4",
        126,
        6,
        "interlaced by macroblock, open groups",
    ),
    file(
        "h264_open_gop_iibbibb_editlist.mp4",
        12,
        5,
        "an edit list hides the first key of open groups",
    ),
    file("hevc_cra_rasl_10fps.mp4", 10, 5, "CRA and RASL pictures"),
    file("hevc_hvc1_aac.mp4", 27, 1, "HEVC with AAC, variable rate"),
    file(
        "hevc_main_hev1_50fps.mp4",
        50,
        1,
        "HEVC with parameter sets in the stream",
    ),
    file("mixed-nal-coding.mp4", 5, 1, "frames and fields mixed"),
    file(
        "mov-2elist-elist1-ends-bframe.mp4",
        42,
        6,
        "two edits, the first ends at a B-frame",
    ),
    file(
        "mov_ibi_elst_starts_b.mp4",
        24,
        13,
        "an edit list that begins at a B-frame",
    ),
    file(
        "mov_neg_first_pts_discard.mp4",
        15,
        1,
        "half of it is hidden by an edit list",
    ),
    file("rotation_180.mp4", 30, 1, "turned upside down"),
    file(
        "sample_android_slow_motion.mp4",
        7,
        1,
        "full range, variable rate",
    ),
    file(
        "sample_edit_list_only_preroll_sync_sample.mp4",
        16,
        1,
        "the only key is hidden by an edit list",
    ),
    file(
        "sample_fragmented_seekable_multiple_sidx.mp4",
        600,
        3,
        "fragmented, several indices",
    ),
    file(
        "sample_h265_rps_pred.ts",
        16,
        1,
        "HEVC in a transport stream",
    ),
    file(
        "sample_rotate_and_reflect.mp4",
        30,
        1,
        "mirrored and turned",
    ),
    InScope {
        claimed_wrong: true,
        ..file(
            "sample_with_invalid_nalu.mp4",
            29,
            1,
            "a packet that doesn't decode: packets claim a frame too many",
        )
    },
    file(
        "test-middle-pat-pmt.ts",
        15,
        1,
        "tables in the middle of the stream",
    ),
    file(
        "ts_discontinuity_pts_jump_back.ts",
        61,
        2,
        "the clock jumps back",
    ),
    file(
        "ts_named_as.mp4",
        74,
        1,
        "a transport stream by another name",
    ),
    file(
        "ts_program_change_h264_to_mpeg2.ts",
        96,
        1,
        "the programme changes: the second video is left out",
    ),
    file("ts_pts_wrap.ts", 48, 1, "the clock wraps"),
    file(
        "video_colr_nclx_hdr10_full_range.mp4",
        3,
        1,
        "full range, two pixels square",
    ),
    file("video_colr_nclx_rgb.mp4", 3, 1, "RGB"),
    file(
        "video_only_qcif_sar.mp4",
        120,
        1,
        "no audio; pixels that aren't square",
    ),
    file(
        "water_180_mvhevc_5frames.mov",
        5,
        1,
        "two views: the base view is decoded",
    ),
];

/// The files out of scope: their class, and a part of the error's message.
pub(crate) const OUT: &[(&str, Class, &str)] = &[
    (
        "BASQP1_Sony_C.jsv",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "BA_MW_D_IDR_LOST.264",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "FRExt4_Panasonic.avc",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "HCAFF1_HHI.264",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "HCAMFF1_HHI.264",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "SarVui.264",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "aac_2048_priming_named.wav",
        Class::Scope,
        "it has no video stream",
    ),
    (
        "anim_or_still.gif",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "audio_only_named_video.mp4",
        Class::Scope,
        "it has no video stream",
    ),
    (
        "av1-clearkey-cbcs-video.mp4",
        Class::Scope,
        "stream 0 is encrypted",
    ),
    (
        "av1_film_grain.ivf",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "av1_hlg_portrait_720x1280.mp4",
        Class::Scope,
        "stream 0 is av1 video",
    ),
    (
        "av1_resolution_change_sizeup.ivf",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "avi_truncated_no_index.avi",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "avid_mjpeg_422.mov",
        Class::Scope,
        "stream 0 is mjpeg video",
    ),
    (
        "bbb_176x144_128kbps_15fps_h263.3gp",
        Class::Scope,
        "stream 0 is h263 video",
    ),
    (
        "bbb_480p_vp9_opus_1second.webm",
        Class::Scope,
        "stream 0 is vp9 video",
    ),
    (
        "bbb_mono_8kHz_12.2kbps_amrnb.3gp",
        Class::Scope,
        "it has no video stream",
    ),
    (
        "bear-vp9-odd-dimensions.webm",
        Class::Scope,
        "stream 0 is vp9 video",
    ),
    (
        "bear_vorbis_gap.ogg",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "bipbop_nonfragment_header.mp4",
        Class::Unreadable,
        "there is no packet of it in the file",
    ),
    (
        "bunny.surround.audio.vorbis.webm",
        Class::Scope,
        "it has no video stream",
    ),
    (
        "cenc_3_edit_lists.mp4",
        Class::Scope,
        "stream 0 is encrypted",
    ),
    (
        "dnxhd_1440x1080.mov",
        Class::Scope,
        "stream 0 is dnxhd video",
    ),
    (
        "dovi-p5.mp4",
        Class::Scope,
        "stream 0 has 10 bits per component",
    ),
    (
        "dovi-p81.mp4",
        Class::Scope,
        "stream 0 has 10 bits per component",
    ),
    (
        "dts_hd_71.dtshd",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "dvb_subtitles_no_video_frames.ts",
        Class::Scope,
        "stream 0 is mpeg2video video",
    ),
    (
        "dvd_single_frame.vob",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "ffconcat_named.mp4",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "fixed_lacing_bad_lace_size.mkv",
        Class::Scope,
        "stream 2 is mp3 audio",
    ),
    ("fixture-corrupt.mkv", Class::Unreadable, "not a media file"),
    (
        "flv1_sorenson.flv",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "flv_brokensps_noidr.flv",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "flv_h264_aac.flv",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "fmp4_segment_without_init.m4s",
        Class::Unreadable,
        "not a media file",
    ),
    (
        "h264_fmo_wipe_noheaders.264",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "h264_hi10_hlg_amve.mp4",
        Class::Scope,
        "stream 0 has 10 bits per component",
    ),
    (
        "h264_hi422_10bit.mp4",
        Class::Scope,
        "stream 0 has 10 bits per component",
    ),
    (
        "h265_10bits.mp4",
        Class::Scope,
        "stream 0 has 10 bits per component",
    ),
    (
        "hdr10tags-both.mkv",
        Class::Scope,
        "stream 0 has 10 bits per component",
    ),
    (
        "hevc_dv_p81.mkv",
        Class::Scope,
        "stream 0 has 10 bits per component",
    ),
    (
        "hls_named.mp4",
        Class::Scope,
        "the container is none of those in scope",
    ),
    ("id3-metadata.ts", Class::Scope, "it has no video stream"),
    (
        "iphone_hevc_hlg_dv84_rot90.mov",
        Class::Scope,
        "stream 0 has 10 bits per component",
    ),
    (
        "m2ts_192_bytes.m2ts",
        Class::Scope,
        "stream 0 is mpeg2video video",
    ),
    (
        "mediarecorder_cut.webm",
        Class::Scope,
        "stream 1 is vp8 video",
    ),
    (
        "mkv_cover_attached.mkv",
        Class::Scope,
        "stream 0 is vp8 video",
    ),
    (
        "mkv_five_audio_languages.mkv",
        Class::Scope,
        "stream 3 is mp3 audio",
    ),
    ("mkv_truncated.mkv", Class::Scope, "stream 1 is ac3 audio"),
    (
        "mov_external_dref.mov",
        Class::Unreadable,
        "there is no packet of it in the file",
    ),
    (
        "mp4_ftyp_only_32_bytes.mp4",
        Class::Unreadable,
        "not a media file",
    ),
    (
        "mpeg1_raw.mpg",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "mpeg2_dvdnav_3frames.mpg",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "mpeg2_mxf_open_gop.mxf",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "mpeg2_pulldown_mixed_fields.m2v",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "opatom_missing_index.mxf",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "opus_cover_art.opus",
        Class::Scope,
        "the container is none of those in scope",
    ),
    ("opus_in_ts.ts", Class::Scope, "stream 1 is opus audio"),
    (
        "packed_bframes.avi",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "pcm_s16be_twos_mono.mp4",
        Class::Scope,
        "stream 1 is pcm_s16be audio",
    ),
    (
        "prores4444_alpha.mov",
        Class::Scope,
        "stream 0 is prores video",
    ),
    (
        "prores_proxy_interlaced.mov",
        Class::Scope,
        "stream 0 is prores video",
    ),
    (
        "ps_corrupt_roundup1414.mpg",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "sample_scte35.ts",
        Class::Scope,
        "stream 0 is mpeg2video video",
    ),
    (
        "sample_with_pgs_subtitles.mkv",
        Class::Scope,
        "stream 1 is ac3 audio",
    ),
    ("sample_with_srt.mkv", Class::Scope, "stream 1 is ac3 audio"),
    (
        "screenrec_g2m4.wmv",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "sei-suffix-muxed-rpu.hevc",
        Class::Scope,
        "the container is none of those in scope",
    ),
    ("short-cenc.mp4", Class::Scope, "stream 1 is encrypted"),
    (
        "stream.240p.video.vp9.mp4.m3u8",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "subsample_encrypted_altref.webm",
        Class::Scope,
        "stream 0 is vp9 video",
    ),
    ("subtitles_only.mkv", Class::Scope, "it has no video stream"),
    (
        "test_stereo_left_right.webm",
        Class::Scope,
        "stream 0 is vp9 video",
    ),
    ("text_file.mp4", Class::Unreadable, "not a media file"),
    (
        "theora_vorbis.ogv",
        Class::Scope,
        "the container is none of those in scope",
    ),
    ("tiny_av1.mp4", Class::Scope, "stream 0 is av1 video"),
    (
        "truncated_before_moov.mp4",
        Class::Unreadable,
        "not a media file",
    ),
    (
        "two_audio_tracks_51_20.mp4",
        Class::Scope,
        "it has no video stream",
    ),
    ("vc1_wmapro_ism.mp4", Class::Scope, "stream 1 is vc1 video"),
    (
        "vp80-00-comprehensive-005.ivf",
        Class::Scope,
        "the container is none of those in scope",
    ),
    ("vp8_alpha.webm", Class::Scope, "stream 0 is vp8 video"),
    ("vp9_10x34.webm", Class::Scope, "stream 0 is vp9 video"),
    (
        "vp9_12336x12336_hostile.webm",
        Class::Scope,
        "stream 0 is vp9 video",
    ),
    ("vp9_p1_444.webm", Class::Scope, "stream 0 is vp9 video"),
    ("vp9_p2_10bit.webm", Class::Scope, "stream 0 is vp9 video"),
    (
        "vp9_resolution_change.ivf",
        Class::Scope,
        "the container is none of those in scope",
    ),
    (
        "vp9_show_existing.webm",
        Class::Scope,
        "stream 0 is vp9 video",
    ),
    (
        "vvc_unsupported.mp4",
        Class::Scope,
        "stream 0 is unknown video",
    ),
    (
        "wmv2_wmav2.wmv",
        Class::Scope,
        "the container is none of those in scope",
    ),
    ("zero_length.mp4", Class::Unreadable, "not a media file"),
];
