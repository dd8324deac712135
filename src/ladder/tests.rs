use super::*;
use crate::paint::Paint;

/// All that is told about a text.
fn told(text: &str) -> String {
    let errors = parse("my.toml", text).err().unwrap_or_default();
    let lines = errors.iter().map(|error| error.render(Paint::plain()));
    lines.collect()
}

/// A text with one right rung, in which something is put in another's place.
fn changed(from: &str, to: &str) -> String {
    let text = "[[rungs]]\nname = \"a\"\nwidth = 640\nheight = 360\ncrf = 23\n";
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

/// Shows that the built-in ladders hold together and are what the documentation says of them.
#[test]
fn built_in_ladders_are_as_described() {
    for (name, preset) in [("default", "medium"), ("fast", "veryfast")] {
        let ladder = load(name).unwrap();
        let spec = ladder.spec();
        let rungs: Vec<_> = spec
            .rungs
            .iter()
            .map(|rung| (&*rung.name, rung.crf_hundredths, rung.max_rate_bps))
            .collect();
        assert_eq!(
            rungs,
            [
                ("1080p", 2100, Some(5_500_000)),
                ("720p", 2200, Some(3_000_000)),
                ("480p", 2300, Some(1_400_000)),
            ]
        );
        for rung in &spec.rungs {
            assert_eq!((&*rung.preset, &*rung.profile), (preset, "high"));
            assert_eq!(rung.buffer_ms, Some(2000));
        }
        assert_eq!((spec.audio.bitrate_bps, spec.audio.channels), (128_000, 2));
        assert!(!spec.fit_source);
    }
}

/// Shows how little a ladder must say, and that decimals of the rate factor are taken exactly.
#[test]
fn the_rest_has_defaults() {
    for (written, hundredths) in [("23", 2300), ("21.5", 2150), ("0.07", 7), ("18.10", 1810)] {
        let text = changed("crf = 23", &format!("crf = {written}"));
        let spec = read::read(&text).spec;
        let rung = &spec.rungs[0];
        assert_eq!(rung.crf_hundredths, hundredths, "{written}");
        assert_eq!((&*rung.preset, &*rung.profile), ("medium", "high"));
        assert_eq!((rung.max_rate_bps, rung.buffer_ms), (None, None));
        assert_eq!(spec.audio.bitrate_bps, 128_000);
    }
}

/// Shows that mistakes of reading and of values are told at once, each with its line.
#[test]
fn every_mistake_is_told() {
    let text = "\
fit_sorce = true
[audio]
bitrate_kbps = 128
channels = \"two\"
[[rungs]]
name = \"a\"
width = 1920
hight = 1080
crf = 99
presett = \"medium\"
[[rungs]]
name = \"b\"
width = -3
height = 360
crf = 21.555
quux = 1
[[rungs]]
name = \"c\"
height = 360
crf = \"low\"
preset = \"warp\"
max_rate_kbps = 3
[[rungs]]
name = \"d e\"
width = 4
height = 360
crf = 20
buffer_ms = 500
";
    insta::assert_snapshot!(told(text), @r"
    error[RM0003]: my.toml:1: unknown key `fit_sorce`
      hint: did you mean `fit_source`?
    error[RM0003]: my.toml:4: audio.channels is a string, must be a whole number
    error[RM0003]: my.toml:8: unknown key `rungs[0].hight`
      hint: did you mean `height`?
    error[RM0003]: my.toml:9: rungs[0].crf: 99.00 is out of range; give 0 to 51
    error[RM0003]: my.toml:10: unknown key `rungs[0].presett`
      hint: did you mean `preset`?
    error[RM0003]: my.toml:13: rungs[1].width is -3, must be a whole number
    error[RM0003]: my.toml:15: rungs[1].crf is 21.555, must be a number such as 21 or 21.5, with at most two decimals
    error[RM0003]: my.toml:16: unknown key `rungs[1].quux`
      hint: known here: name, width, height, preset, profile, crf, max_rate_kbps, buffer_ms
    error[RM0003]: my.toml:17: rungs[2].width is missing
    error[RM0003]: my.toml:20: rungs[2].crf is a string, must be a number such as 21 or 21.5
    error[RM0003]: my.toml:21: rungs[2].preset: `warp` isn't known; give one of ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, veryslow
    error[RM0003]: my.toml:22: rungs[2].max_rate_kbps: 3 is out of range; give 16 to 1000000 kb/s
    error[RM0003]: my.toml:24: rungs[3].name: a name has 1 to 32 of a-z, A-Z, 0-9, _ and -
    error[RM0003]: my.toml:25: rungs[3].width: 4 is out of range; give 16 to 8192 pixels
    error[RM0003]: my.toml:28: rungs[3].buffer_ms: a buffer needs a cap: give max_rate_kbps too
    ");
}

/// Shows what is told of texts that are no ladder at all.
#[test]
fn other_texts_are_refused() {
    let all = ["rungs = 3\naudio = 1", "a = = 3", ""].map(told);
    insta::assert_snapshot!(all.join("\n"), @r"
    error[RM0003]: my.toml:1: rungs is an integer, must be tables [[rungs]]
    error[RM0003]: my.toml:2: audio is an integer, must be a table [audio]

    error[RM0003]: my.toml:1: extra `=`, expected nothing

    error[RM0003]: my.toml:1: rungs: there are 0; give 1 to 16
    ");
}

/// Shows that a slip in a name finds the name, and that a path that leads nowhere is told as such.
#[test]
fn names_and_paths() {
    let all = ["fats", "quux", "./fast", "no.toml", "/"].map(|wanted| {
        let errors = load(wanted).unwrap_err();
        let lines = errors.iter().map(|error| error.render(Paint::plain()));
        lines.collect::<String>()
    });
    insta::assert_snapshot!(all.concat(), @r"
    error[RM0003]: there is no ladder `fats`
      hint: did you mean `fast`?
    error[RM0003]: there is no ladder `quux`
      hint: give the path of a file, or one of the names default, fast
    error[RM0003]: reading the ladder ./fast: No such file or directory (os error 2)
      hint: --ladder takes a name (default, fast) or the path of a file
    error[RM0003]: reading the ladder no.toml: No such file or directory (os error 2)
      hint: --ladder takes a name (default, fast) or the path of a file
    error[RM0003]: reading the ladder /: Is a directory (os error 21)
      hint: --ladder takes a name (default, fast) or the path of a file
    ");
}
