//! What we write is read back, and what we'd never write is refused by line.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn media(text: &str) -> MediaPlaylist {
    match read_playlist(text) {
        Ok(Playlist::Media(playlist)) => playlist,
        other => panic!("{other:?}"),
    }
}

const MEDIA: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:1\n\
    #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI=\"init.mp4\"\n\
    #EXTINF:2.000001,\n#EXT-X-BYTERANGE:10@20\n00001.m4s\n#EXTINF:0.500000,\n00002.m4s\n#EXT-X-ENDLIST\n";

/// A media playlist is read with its ranges and exact durations.
#[test]
fn media_playlist_is_read() {
    let playlist = media(MEDIA);
    assert_eq!(
        (playlist.target_duration_s, playlist.media_sequence),
        (2, 1)
    );
    assert_eq!(playlist.init.as_deref(), Some("init.mp4"));
    assert!(playlist.ended && playlist.key_frames_only);
    let entry = |uri: &str, duration_us, range| SegmentEntry {
        uri: uri.to_owned(),
        duration_us,
        range,
    };
    let expected = [
        entry("00001.m4s", 2_000_001, Some((10, 20))),
        entry("00002.m4s", 500_000, None),
    ];
    assert_eq!(playlist.segments, expected);
}

/// A multivariant playlist is read with commas inside of quotes.
#[test]
fn multivariant_playlist_is_read() {
    let text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"a, b\",LANGUAGE=\"en\",\
        DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"a/media.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,CODECS=\"x,y\",RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO=\"audio\"\n\
        v/media.m3u8\n";
    let Ok(Playlist::Multivariant(playlist)) = read_playlist(text) else {
        panic!("{:?}", read_playlist(text));
    };
    assert_eq!(playlist.renditions[0].name, "a, b");
    assert!(playlist.renditions[0].default);
    let variant = &playlist.variants[0];
    assert_eq!(variant.resolution, Some((640, 360)));
    assert_eq!((variant.bandwidth_bps, variant.codecs.as_str()), (2, "x,y"));
    assert_eq!(variant.uri, "v/media.m3u8");
}

/// Each mistake is found in its line.
#[test]
fn mistakes_are_named_by_line() {
    for (from, to, line) in [
        ("#EXTM3U\n", "", 1),
        ("VERSION:7", "VERSION:8", 2),
        ("#EXT-X-TARGETDURATION:2\n", "", 13),
        ("TARGETDURATION:2", "TARGETDURATION:+2", 3),
        ("TYPE:VOD", "TYPE:LIVE", 5),
        ("URI=\"init.mp4\"", "URI=\"init.mp4", 7),
        ("URI=\"init.mp4\"", "URI=\"/etc/hostname\"", 7),
        ("URI=\"init.mp4\"", "URI=\"init.mp4\",KEY=1", 7),
        ("2.000001,", "2.1,", 8),
        ("2.000001,", "2.000001", 8),
        ("10@20", "10", 9),
        ("00001.m4s", "../00001.m4s", 10),
        ("00001.m4s", "https://host/00001.m4s", 10),
        ("#EXTINF:0.500000,\n", "", 11),
        ("00002.m4s\n", "", 13),
        ("#EXT-X-ENDLIST\n", "#EXT-X-ENDLIST\n\n", 14),
        ("#EXT-X-ENDLIST", "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"", 13),
    ] {
        let text = MEDIA.replacen(from, to, 1);
        let error = read_playlist(&text).expect_err(&text);
        assert_eq!(error.line, line, "{error} in\n{text}");
    }
}

proptest! {
    /// No text makes the reader panic.
    #[test]
    fn any_text_is_read_or_refused(
        lines in prop::collection::vec("(#EXT(INF:|-X-(MAP|MEDIA|BYTERANGE|STREAM-INF):))?[ -~é\n]{0,40}", 0..12),
    ) {
        let text = format!("#EXTM3U\n{}", lines.join("\n"));
        let _read_or_not = read_playlist(&text).is_ok();
    }
}
