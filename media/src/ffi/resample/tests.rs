use super::*;

/// A frame of sound where sample `n` of a channel is `sample(channel, n)`.
fn frame(channels: u8, samples: u32, rate_hz: u32, sample: impl Fn(u8, u32) -> f32) -> Frame {
    let mut frame = Frame::sound(channels, samples, rate_hz).expect("memory");
    for channel in 0..channels {
        let data = frame.channel_mut(channel).expect("memory");
        for (place, value) in (0..).zip(data) {
            *value = sample(channel, place);
        }
    }
    frame
}

fn place_of_peak(sound: &[f32]) -> usize {
    let most = |a: &(usize, &f32), b: &(usize, &f32)| a.1.total_cmp(b.1);
    sound.iter().enumerate().max_by(most).expect("samples").0
}

/// A click comes out at its own time, whatever the rates are, and the whole is as long as it was.
#[test]
fn keeps_time() {
    for (from, to) in [
        (48_000, 48_000),
        (44_100, 48_000),
        (48_000, 44_100),
        (22_050, 44_100),
        (96_000, 48_000),
    ] {
        let click = frame(1, from / 2, from, |_, place| {
            f32::from(u8::from(place == from / 4))
        });
        let mut resampler = Resampler::new(&click, to, 1).expect("it converts");
        let mut sound = Sound::new(1);
        resampler
            .push(&click, 0..from / 2, &mut sound)
            .expect("taken");
        resampler.flush(&mut sound).expect("flushed");
        let expected = (from / 4 * to / from) as usize;
        assert_eq!(place_of_peak(sound.channel(0)), expected, "{from} to {to}");
        assert!(
            sound.samples().abs_diff(to as usize / 2) <= 1,
            "{from} to {to}: {}",
            sound.samples()
        );
    }
}

/// The same rate and channels come out as they went in, bit by bit, however the sound is cut.
#[test]
fn changes_nothing_without_need() {
    let noise = frame(2, 3000, 48_000, |channel, place| {
        let mixed = (place + 1).wrapping_mul(2_654_435_761 + u32::from(channel)) >> 16;
        f32::from(u16::try_from(mixed).expect("16 bits")) / 65_536.0 - 0.5
    });
    let mut resampler = Resampler::new(&noise, 48_000, 2).expect("it converts");
    let mut sound = Sound::new(2);
    for (start, end) in [(0, 1), (1, 1024), (1024, 1024), (1024, 3000)] {
        resampler
            .push(&noise, start..end, &mut sound)
            .expect("taken");
    }
    resampler.flush(&mut sound).expect("flushed");
    for channel in 0..2 {
        let expected = noise.channel(channel).expect("planar float");
        assert_eq!(sound.channel(usize::from(channel)), expected);
    }
}

/// Silence is as long as it was asked for, and sound goes on behind it.
#[test]
fn passes_silence() {
    let loud = frame(6, 100, 48_000, |_, _| 0.5);
    let mut resampler = Resampler::new(&loud, 48_000, 2).expect("it converts");
    let mut sound = Sound::new(2);
    resampler.push_silence(5000, &mut sound).expect("taken");
    resampler.push(&loud, 0..100, &mut sound).expect("taken");
    resampler.flush(&mut sound).expect("flushed");
    assert_eq!(sound.samples(), 5100);
    assert!(sound.channel(1)[..5000].iter().all(|sample| *sample == 0.0));
    // All six at once: scaled to what goes in, no more.
    assert!(
        sound.channel(1)[5000..]
            .iter()
            .all(|sample| (sample - 0.5).abs() < 1e-6)
    );
}

/// Sound of another shape is refused, and so is what is no sound.
#[test]
fn refuses_other_shapes() {
    let stereo = frame(2, 10, 48_000, |_, _| 0.0);
    let mut resampler = Resampler::new(&stereo, 48_000, 2).expect("it converts");
    for other in [
        frame(1, 10, 48_000, |_, _| 0.0),
        frame(2, 10, 44_100, |_, _| 0.0),
    ] {
        assert!(!resampler.takes(&other));
        assert!(resampler.push(&other, 0..10, &mut Sound::new(2)).is_err());
    }
    assert!(resampler.push(&stereo, 5..11, &mut Sound::new(2)).is_err());
    assert!(resampler.push(&stereo, 0..10, &mut Sound::new(1)).is_err());
    let picture = Frame::picture(16, 16).expect("memory");
    assert!(Resampler::new(&picture, 48_000, 2).is_err());
}

/// Frames are taken from the front, the last one shorter.
#[test]
fn sound_becomes_frames() {
    let ramp = frame(1, 10, 48_000, |_, place| {
        f32::from(u8::try_from(place).expect("small"))
    });
    let mut resampler = Resampler::new(&ramp, 48_000, 1).expect("it converts");
    let mut sound = Sound::new(1);
    resampler.push(&ramp, 0..10, &mut sound).expect("taken");
    let first = sound.take_frame(7, 48_000).expect("memory");
    let last = sound.take_frame(7, 48_000).expect("memory");
    assert_eq!(first.channel(0).map(<[f32]>::len), Some(7));
    assert_eq!(last.channel(0), Some(&[7.0, 8.0, 9.0][..]));
    assert_eq!(sound.samples(), 0);
}
