use proptest::prelude::*;

use super::super::{FragmentWriter, SampleTiming};
use super::*;

fn fragment() -> Vec<u8> {
    let mut writer = FragmentWriter::new(1);
    for (place, duration) in [10_u32, 11, 12].into_iter().enumerate() {
        let timing = SampleTiming {
            decode_time: [0, 10, 21][place],
            duration,
            composition_offset: duration,
        };
        writer.push(timing, place == 0, &[5; 9]).unwrap();
    }
    writer.finish().unwrap().1
}

/// A fragment cut anywhere, or with a byte too many, is refused.
#[test]
fn refuses_other_lengths() {
    let whole = fragment();
    assert!(read_fragment(&whole).is_ok());
    for length in 0..whole.len() {
        assert!(read_fragment(&whole[..length]).is_err(), "{length}");
    }
    assert!(read_fragment(&[&whole[..], &[0]].concat()).is_err());
}

proptest! {
    /// Changed bytes are refused or give samples that lie within the bytes: nothing panics.
    #[test]
    fn survives_changed_bytes(changes in prop::collection::vec((0_usize..152, any::<u8>()), 1..4)) {
        let mut bytes = fragment();
        for (at, value) in changes {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        if let Ok(read) = read_fragment(&bytes) {
            for sample in read.samples {
                let end = u64::from(sample.offset) + u64::from(sample.size);
                prop_assert!(end <= bytes.len() as u64);
            }
        }
    }

    /// Random bytes are refused without a panic.
    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read_fragment(&bytes).is_err());
    }
}
