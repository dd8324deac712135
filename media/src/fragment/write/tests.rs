use super::super::read::{head_bytes, read_fragment, read_fragment_head};
use super::*;

fn timing(decode_time: i64, duration: u32, composition_offset: u32) -> SampleTiming {
    SampleTiming {
        decode_time,
        duration,
        composition_offset,
    }
}

/// The boxes of a small fragment, byte for byte, against ISO/IEC 14496-12 by hand.
#[test]
fn writes_these_bytes() {
    let mut writer = FragmentWriter::new(7);
    writer.push(timing(100, 10, 20), true, b"abc").unwrap();
    writer.push(timing(110, 10, 0), false, b"d").unwrap();
    let (info, bytes) = writer.finish().unwrap();
    let mut expected = Vec::new();
    expected.extend(b"\0\0\0\x74moof\0\0\0\x10mfhd\0\0\0\0\0\0\0\x07");
    expected.extend(b"\0\0\0\x5ctraf\0\0\0\x18tfhd\0\x02\0\x28\0\0\0\x01\0\0\0\x0a\x01\x01\0\0");
    expected.extend(b"\0\0\0\x14tfdt\x01\0\0\0\0\0\0\0\0\0\0\x64");
    expected.extend(b"\0\0\0\x28trun\0\0\x0a\x05\0\0\0\x02\0\0\0\x7c\x02\0\0\0");
    expected.extend(b"\0\0\0\x03\0\0\0\x14\0\0\0\x01\0\0\0\0\0\0\0\x0cmdatabcd");
    assert_eq!(bytes, expected);
    assert_eq!(
        (info.decode_time, info.duration, info.samples, info.bytes),
        (100, 20, 2, 128)
    );
}

/// Samples that don't follow each other, empty ones and empty fragments are refused.
#[test]
fn refuses_what_breaks_its_rules() {
    assert!(FragmentWriter::new(1).finish().is_err());
    let mut writer = FragmentWriter::new(1);
    writer.push(timing(0, 10, 0), true, b"a").unwrap();
    assert!(writer.push(timing(11, 10, 0), true, b"a").is_err());
    assert!(writer.push(timing(10, 10, 0), true, b"").is_err());
}

proptest::proptest! {
    /// What is written is read back, from the whole fragment and from its head alone.
    #[test]
    fn reads_back_what_it_wrote(
        start in 0_i64..1 << 40,
        samples in proptest::collection::vec((1_u32..4, 0_u32..3, proptest::bool::ANY, 1_usize..5), 1..20),
    ) {
        let mut writer = FragmentWriter::new(3);
        let mut time = start;
        for &(duration, offset, key, size) in &samples {
            writer.push(timing(time, duration, offset), key, &vec![7; size]).unwrap();
            time += i64::from(duration);
        }
        let (info, bytes) = writer.finish().unwrap();
        let fragment = read_fragment(&bytes).unwrap();
        let read: Vec<_> = fragment
            .samples
            .iter()
            .map(|s| (s.duration, s.composition_offset, s.key, s.size as usize))
            .collect();
        proptest::prop_assert_eq!(read, samples);
        proptest::prop_assert_eq!((fragment.decode_time, fragment.duration()), (info.decode_time, info.duration));
        proptest::prop_assert_eq!(fragment.bytes(), u64::from(info.bytes));
        let head = &bytes[..bytes.len().min(head_bytes(info.samples))];
        proptest::prop_assert_eq!(read_fragment_head(head).unwrap(), fragment);
    }
}
