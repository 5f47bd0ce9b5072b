//! Variations against their plain definitions, their choices and their words.

use proptest::prelude::*;

use super::*;

/// Two planes of 3 x 4, no two values the same.
const ODD: Shape = Shape { channels: 2, height: 3, width: 4 };

fn numbered(shape: Shape) -> Vec<u8> {
    (1..=shape.len()).map(|i| (i * 250 / shape.len()) as u8).collect()
}

fn occasion(epoch: u64, sample: u64) -> Occasion {
    Occasion { seed: Seed(3), epoch, sample }
}

/// Half the pictures are left as they are by flip: looks for a sample that is changed by it.
fn varied(text: &str, shape: Shape, picture: &[u8], occasion: Occasion) -> Vec<u8> {
    let mut picture = picture.to_vec();
    Augmenter::new(&text.parse().unwrap(), shape).vary(&mut picture, occasion);
    picture
}

fn resample(picture: &mut [u8], shape: Shape, back: [[f64; 2]; 2]) {
    Augmenter::new(&Augmentation::none(), shape).apply(picture, Change::resample(back));
}

/// How far a variation may be from its definition, in levels: those that mix pixels round their places to 1/256
/// and three mixtures to whole values, contrast rounds its factor, and the others are exact but for the last
/// rounding.
fn tolerance(op: Op) -> f64 {
    match op {
        Op::Rotate(_) | Op::Zoom(_) => 2.5,
        Op::Contrast(_) => 0.6,
        Op::Flip | Op::Shift(_) | Op::Crop(_) | Op::Cutout(_) => 0.0,
        Op::Brightness(_) | Op::Noise(_) => 0.5001,
    }
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        Just(Op::Flip),
        (1u32..=12).prop_map(Op::Shift),
        (1u32..=12).prop_map(Op::Crop),
        (0.01f32..=180.0).prop_map(Op::Rotate),
        (0.01f32..=0.9).prop_map(Op::Zoom),
        (0.01f32..=1.0).prop_map(Op::Brightness),
        (0.01f32..=1.0).prop_map(Op::Contrast),
        (0.001f32..=1.0).prop_map(Op::Noise),
        (1u32..=12).prop_map(Op::Cutout),
    ]
}

proptest! {
    #[test]
    fn each_variation_is_what_its_definition_says(
        op in ops(), channels in 1usize..=6, height in 1usize..=9, width in 1usize..=9,
        bytes in prop::collection::vec(any::<u8>(), 6 * 9 * 9), epoch: u64, sample: u64,
    ) {
        let shape = Shape { channels, height, width };
        let picture = &bytes[..shape.len()];
        let new = varied(&op.to_string(), shape, picture, occasion(epoch, sample));
        let expect = reference::varied(op, picture, shape, occasion(epoch, sample));
        for (i, (new, expect)) in new.iter().zip(expect).enumerate() {
            let off = (f64::from(*new) - expect).abs();
            prop_assert!(off <= tolerance(op), "{op}, {shape}, value {i}: {new}, not {expect}");
        }
    }

    #[test]
    fn what_is_written_is_read(ops in prop::collection::vec(ops(), 0..9)) {
        let mut written = Augmentation::none();
        for op in ops {
            if written.ops.iter().all(|known| known.name() != op.name()) {
                written.ops.push(op);
            }
        }
        prop_assert_eq!(written.to_string().parse::<Augmentation>().unwrap(), written);
    }
}

#[test]
fn a_whole_picture_is_resampled_within_two_levels() {
    let picture: Vec<u8> = (0..Shape::CIFAR.len()).map(|i| (i * i % 251) as u8).collect();
    for (op, sample) in [(Op::Rotate(30.0), 1), (Op::Zoom(0.3), 2), (Op::Rotate(180.0), 3)] {
        let new = varied(&op.to_string(), Shape::CIFAR, &picture, occasion(0, sample));
        let expect = reference::varied(op, &picture, Shape::CIFAR, occasion(0, sample));
        let off: Vec<f64> = new.iter().zip(expect).map(|(&a, b)| (f64::from(a) - b).abs()).collect();
        assert!(off.iter().all(|&x| x <= 2.5), "{op}");
        assert!(off.iter().sum::<f64>() / (off.len() as f64) < 0.5, "{op}");
    }
}

#[test]
fn no_turn_and_no_zoom_are_nothing() {
    for shape in [ODD, Shape::CIFAR] {
        let mut picture = numbered(shape);
        resample(&mut picture, shape, [[1.0, 0.0], [0.0, 1.0]]);
        assert_eq!(picture, numbered(shape));
    }
}

#[test]
fn a_quarter_turn_is_counter_clockwise() {
    let shape = Shape { channels: 1, height: 3, width: 3 };
    let mut picture = vec![1, 2, 3, 4, 5, 6, 7, 8, 9];
    resample(&mut picture, shape, [[0.0, -1.0], [1.0, 0.0]]);
    assert_eq!(picture, [3, 6, 9, 2, 5, 8, 1, 4, 7]);
}

#[test]
fn every_choice_is_named_by_seed_epoch_sample_and_op() {
    let before = numbered(ODD);
    let of = |text: &str, occasion| varied(text, ODD, &before, occasion);
    for op in [
        "flip",
        "shift:3",
        "crop:2",
        "rotate:90",
        "zoom:0.5",
        "brightness:0.5",
        "contrast:0.9",
        "noise:0.1",
        "cutout:2",
    ] {
        assert_eq!(of(op, occasion(1, 2)), of(op, occasion(1, 2)));
        assert!((0..20).any(|epoch| of(op, occasion(epoch, 2)) != of(op, occasion(1, 2))), "{op}");
        assert!((0..20).any(|sample| of(op, occasion(1, sample)) != of(op, occasion(1, 2))), "{op}");
        let seeded = |seed| of(op, Occasion { seed: Seed(seed), epoch: 1, sample: 2 });
        assert!((0..20).any(|seed| seeded(seed) != of(op, occasion(1, 2))), "{op}");
    }
    // What comes before an op in the list does not change what it draws.
    let both = of("shift:3,cutout:1", occasion(5, 6));
    let one = varied("cutout:1", ODD, &of("shift:3", occasion(5, 6)), occasion(5, 6));
    assert_eq!(both, one);
    let flips = (0..1000).filter(|&sample| of("flip", occasion(0, sample)) != before).count();
    assert!((420..580).contains(&flips), "{flips}");
    assert_eq!(of("none", occasion(0, 0)), before);
}

#[test]
fn the_bytes_never_change() {
    // Model files depend on these: a change here is a change of every md5 that was trained with variations.
    let picture: Vec<u8> = (0..Shape::CIFAR.len()).map(|i| (i * i % 251) as u8).collect();
    let all = "flip,shift:4,crop:3,rotate:15,zoom:0.1,brightness:0.1,contrast:0.2,noise:0.02,cutout:8";
    let name = |text: &str| crate::Digest::of(&varied(text, Shape::CIFAR, &picture, occasion(1, 2))).name();
    assert_eq!([name(all), name("standard")], GOLDEN);
}
const GOLDEN: [u64; 2] = [15_273_963_707_230_080_562, 253_648_945_767_778_332];

#[test]
fn shifts_reach_as_far_as_asked_and_no_farther() {
    let shape = Shape { channels: 1, height: 9, width: 9 };
    let mut seen = std::collections::BTreeSet::new();
    let mut dot = [0; 81];
    dot[40] = 255;
    for sample in 0..500 {
        let picture = varied("shift:2", shape, &dot, occasion(0, sample));
        seen.insert(picture.iter().position(|&v| v == 255).unwrap());
    }
    let expect = (2..7).flat_map(|row| (2..7).map(move |column| row * 9 + column));
    assert!(seen.into_iter().eq(expect));
}

#[test]
fn another_length_is_left_alone() {
    for len in [0, 5] {
        let mut picture = vec![7; len];
        Augmenter::new(&"standard".parse().unwrap(), ODD).vary(&mut picture, occasion(0, 0));
        assert_eq!(picture, vec![7; len]);
    }
}

#[test]
fn presets_stand_for_their_variations() {
    let check = |text: &str, expect: &str| {
        assert_eq!(text.parse::<Augmentation>().unwrap().to_string(), expect);
    };
    check("none", "none");
    check("light", "flip,shift:4");
    check("standard", "flip,shift:4,rotate:15,noise:0.02");
    check("light, cutout:8", "flip,shift:4,cutout:8");
}

#[test]
fn words_that_are_not_understood() {
    let check = |text: &str, expect: &str| {
        let error = text.parse::<Augmentation>().unwrap_err().to_string();
        assert!(error.starts_with("augmentation '") && error.contains(expect), "{error}");
    };
    check("flip,spin:3", "'spin:3': expected none, or some of");
    check("", "'': expected none");
    check("flip,", "'': expected none");
    check("none,flip", "'none': expected none, or some of");
    check("flip:2", "takes no number");
    check("flip, flip", "'flip': flip is there twice");
    check("shift:1,shift:2", "'shift:2': shift is there twice");
    check("flip,light", "'light': flip is there twice");
    for word in ["shift", "crop:", "shift:0", "cutout:-1", "shift:1.5", "cutout:256"] {
        check(word, "whole pixels");
    }
    for word in ["rotate", "rotate:0", "rotate:181", "rotate:NaN", "rotate:-3"] {
        check(word, "degrees");
    }
    check("zoom:1", "a share over 0, at most 0.9, as zoom:0.1");
    check("noise:inf", "deviation");
}

#[test]
fn it_is_a_string_in_files() {
    #[derive(Serialize, Deserialize)]
    struct Config {
        augment: Augmentation,
    }
    let text = "augment = \"flip,shift:4,rotate:15,noise:0.02\"\n";
    let config: Config = toml::from_str(text).unwrap();
    assert_eq!(config.augment.ops(), [Op::Flip, Op::Shift(4), Op::Rotate(15.0), Op::Noise(0.02)]);
    assert_eq!(toml::to_string(&config).unwrap(), text);
    assert!(toml::from_str::<Config>("augment = \"x\"").is_err());
}
