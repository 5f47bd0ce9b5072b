//! Splits of made-up datasets.

use proptest::prelude::*;

use super::draw::quotas;
use super::*;
use crate::{Given, Pictures, Shape, Source};

const HOLDOUT: Plan = Plan { protocol: Protocol::Holdout, sizes: None, limit: None };
const ON_TEST: Plan = Plan { protocol: Protocol::Test, ..HOLDOUT };

/// Picture i has the pixels of the number i + 1.
fn dataset(parts: [&[u8]; 3]) -> Dataset {
    let labels = parts.concat();
    let numbers = (1..=labels.len() as u32).flat_map(u32::to_be_bytes).collect();
    let pictures = Pictures::new(Shape { channels: 1, height: 1, width: 4 }, numbers, labels).unwrap();
    let [train, validation, test] = parts.map(<[u8]>::len);
    Dataset::new(Source::Program, ["a", "b", "c"], pictures, Given { train, validation, test }).unwrap()
}

fn balanced(train: usize, validation: usize, test: usize) -> Dataset {
    let labels = |n| (0..n).map(|i| (i % 3) as u8).collect::<Vec<_>>();
    dataset([&labels(train), &labels(validation), &labels(test)])
}

fn counts(set: &Dataset, parts: &Split) -> [Vec<usize>; 3] {
    [&parts.train, &parts.validation, &parts.test].map(|part| set.class_counts(part))
}

/// All places of the three parts, ascending.
fn places(parts: &Split) -> Vec<usize> {
    let mut all = [&parts.train[..], &parts.validation, &parts.test].concat();
    all.sort_unstable();
    all
}

#[test]
fn one_fifth_is_held_out_and_classes_keep_their_shares() {
    let set = balanced(150, 0, 30);
    let parts = split(&set, HOLDOUT, Seed(1)).unwrap();
    assert_eq!(counts(&set, &parts), [vec![40; 3], vec![10; 3], vec![10; 3]]);
    assert_eq!(parts.test, set.by_content()[2]);
    assert_eq!(parts.proportions(), "120 / 30 / 30 = 66.7 / 16.7 / 16.7 %");
    assert_eq!(parts.notes, [""; 0]);
    assert_eq!(parts, split(&set, HOLDOUT, Seed(1)).unwrap());
    assert_ne!(parts, split(&set, HOLDOUT, Seed(2)).unwrap());
}

#[test]
fn parts_that_are_given_are_kept_and_others_drawn() {
    let check = |given: [usize; 3], plan, expect: &str| {
        let set = balanced(given[0], given[1], given[2]);
        let parts = split(&set, plan, Seed(1)).unwrap();
        assert!(parts.proportions().starts_with(&format!("{expect} = ")), "{}", parts.proportions());
        // What was given for validation and test stays there, whole.
        let [_, validation, test] = set.given().ranges();
        let whole = |range: std::ops::Range<usize>, part: &[usize]| {
            range.is_empty() || (range.len() == part.len() && part.iter().all(|i| range.contains(i)))
        };
        assert!(whole(test, &parts.test));
        assert!(plan.protocol == Protocol::Test || whole(validation, &parts.validation));
    };
    check([180, 0, 0], HOLDOUT, "120 / 30 / 30");
    check([150, 0, 33], HOLDOUT, "120 / 30 / 33");
    check([150, 33, 0], HOLDOUT, "120 / 33 / 30");
    check([150, 33, 36], HOLDOUT, "150 / 33 / 36");
    check([150, 0, 33], ON_TEST, "150 / 33");
    check([150, 33, 36], ON_TEST, "183 / 36");
    check([180, 0, 0], ON_TEST, "150 / 30");
}

#[test]
fn sizes_split_all_pictures_anew() {
    let set = balanced(150, 0, 30);
    let plan = |sizes: &str| Plan { sizes: Some(sizes.parse().unwrap()), ..HOLDOUT };
    let parts = split(&set, plan("0.7,0.15,0.15"), Seed(1)).unwrap();
    assert_eq!(counts(&set, &parts), [vec![42; 3], vec![9; 3], vec![9; 3]]);
    assert_eq!(places(&parts), (0..180).collect::<Vec<_>>());
    assert!(parts.test.iter().any(|&i| i < 150) && parts.train.iter().any(|&i| i >= 150));
    assert!(parts.notes[0].contains("own 30 test pictures are among them"), "{:?}", parts.notes);

    let parts = split(&set, plan("90,30,30"), Seed(1)).unwrap();
    assert_eq!(counts(&set, &parts), [vec![30; 3], vec![10; 3], vec![10; 3]]);
    assert_eq!(parts.notes[1], "30 pictures are in no part");

    let both = Plan { protocol: Protocol::Test, ..plan("90,30,30") };
    let check = |plan, expect: &str| {
        let error = split(&set, plan, Seed(1)).unwrap_err().to_string();
        assert!(error.starts_with(expect), "{error}");
    };
    check(both, "sizes for three parts, but validation on the test pictures");
    check(plan("180,30,30"), "the parts are to have 180 + 30 + 30 pictures, but there are 180");
}

#[test]
fn the_tutorials_protocol_watches_the_test_pictures_and_says_so() {
    let set = balanced(150, 0, 30);
    let parts = split(&set, ON_TEST, Seed(1)).unwrap();
    assert_eq!(parts.train.len(), 150);
    assert_eq!(parts.validation, parts.test);
    assert_eq!(parts.proportions(), "150 / 30 = 83.3 / 16.7 %");
    assert!(parts.notes[0].starts_with("validation is on the test pictures"));
}

#[test]
fn parts_outside_of_the_courses_ranges_are_told() {
    let check = |sizes: &str, expect: &[&str]| {
        let plan = Plan { sizes: Some(sizes.parse().unwrap()), ..HOLDOUT };
        assert_eq!(split(&balanced(600, 0, 0), plan, Seed(1)).unwrap().notes, expect);
    };
    check("0.6,0.2,0.2", &[]);
    check("0.8,0.1,0.1", &[]);
    check(
        "0.9,0.05,0.05",
        &[
            "outside of the course's ranges: the training part has 90.0 % of the pictures instead of 60 to 80, the \
           validation part has 5.0 % of the pictures instead of 10 to 20, the test part has 5.0 % of the pictures \
           instead of 10 to 20",
        ],
    );
    check(
        "0.65,0.1,0.25",
        &["outside of the course's ranges: the test part has 25.0 % of the pictures instead of 10 to 20"],
    );
}

#[test]
fn duplicates_across_parts_are_told() {
    let pictures = |pixels: &[u8], labels: &[u8]| {
        Pictures::new(Shape { channels: 1, height: 1, width: 1 }, pixels.to_vec(), labels.to_vec())
    };
    let told = |pixels: &[u8]| {
        let pictures = pictures(pixels, &[0, 1, 0, 1, 0, 1]).unwrap();
        let set =
            Dataset::new(Source::Program, ["a", "b"], pictures, Given { train: 2, validation: 2, test: 2 });
        split(&set.unwrap(), HOLDOUT, Seed(0)).unwrap().notes.pop().unwrap()
    };
    assert!(told(&[1, 2, 3, 4, 5, 6]).starts_with("outside"));
    // Within a part they are no matter; another label changes nothing.
    assert!(told(&[1, 1, 3, 3, 5, 6]).starts_with("outside"));
    assert_eq!(
        told(&[1, 2, 3, 2, 2, 1]),
        "the same pixels are in more than one part: 1 of the validation part in the training part, 2 of the test part \
         in the training part, 1 of the test part in the validation part"
    );
}

#[test]
fn a_limit_makes_every_part_smaller() {
    let set = balanced(1500, 0, 300);
    let limit = |plan, limit| split(&set, Plan { limit: Some(limit), ..plan }, Seed(1)).unwrap();
    let parts = limit(HOLDOUT, 120);
    assert_eq!(counts(&set, &parts), [vec![40; 3], vec![10; 3], vec![10; 3]]);
    assert_eq!(parts.notes, ["limited to 120 of 1,200 training pictures, the other parts in proportion"]);
    let same = limit(ON_TEST, 100);
    assert_eq!((same.train.len(), same.validation.len()), (100, 20));
    assert_eq!(same.validation, same.test);
    assert_eq!(limit(HOLDOUT, 1200), split(&set, HOLDOUT, Seed(1)).unwrap());
}

#[test]
fn the_parts_have_the_same_pictures_whatever_their_places() {
    let drawn = |order: &[u32]| {
        let pixels = order.iter().flat_map(|n| n.to_be_bytes()).collect();
        let labels = order.iter().map(|n| (n % 3) as u8).collect();
        let pictures = Pictures::new(Shape { channels: 1, height: 1, width: 4 }, pixels, labels).unwrap();
        let given = Given { train: order.len(), validation: 0, test: 0 };
        let set = Dataset::new(Source::Program, ["a", "b", "c"], pictures, given).unwrap();
        let parts = split(&set, Plan { limit: Some(30), ..HOLDOUT }, Seed(5)).unwrap();
        [&parts.train, &parts.validation, &parts.test]
            .map(|part| part.iter().map(|&i| set.pictures().picture(i).to_vec()).collect::<Vec<_>>())
    };
    let ascending: Vec<u32> = (0..90).collect();
    let descending: Vec<u32> = (0..90).rev().collect();
    assert_eq!(drawn(&ascending), drawn(&descending));
}

#[test]
fn a_class_that_is_missing_is_an_error() {
    let check = |set: Dataset, limit, expect: &str| {
        let error = split(&set, Plan { limit, ..HOLDOUT }, Seed(0)).unwrap_err().to_string();
        assert!(error.starts_with(expect), "{error}");
    };
    let labels: &[u8] = &[0, 1, 2].repeat(10);
    check(dataset([labels, &[], &[0, 2]]), None, "class 'b' has no picture in the test part of 2");
    check(dataset([&[0, 1, 0, 1], &[], labels]), None, "class 'c' has no picture in the training part of 3");
    check(dataset([labels, &[0, 1], labels]), None, "class 'c' has no picture in the validation part of 2");
    check(dataset([labels, &[], labels]), Some(2), "class 'c' has no picture in the training part of 2");
    check(dataset([labels, &[], labels]), Some(0), "class 'a' has no picture in the training part of 0");
}

#[test]
fn numbers_are_grouped_by_thousands() {
    let grouped = [0, 999, 1000, 40_000, 1_234_567].map(thousands);
    assert_eq!(grouped, ["0", "999", "1,000", "40,000", "1,234,567"]);
}

#[test]
fn protocols_are_words() {
    for protocol in [Protocol::Holdout, Protocol::Test] {
        assert_eq!(protocol.to_string().parse::<Protocol>().unwrap(), protocol);
    }
    let error = "tset".parse::<Protocol>().unwrap_err().to_string();
    assert_eq!(error, "validation protocol 'tset': expected holdout or test");
}

proptest! {
    #[test]
    fn every_picture_is_in_exactly_one_part(
        train in prop::collection::vec(0u8..3, 1..200), seed: u64, limit in prop::option::of(1usize..250),
        validation in prop::sample::select(vec![0usize, 6]), test in prop::sample::select(vec![0usize, 6]),
        sizes in prop::option::of(prop::sample::select(vec!["0.6,0.2,0.2", "0.75,0.1,0.15"])),
    ) {
        let few = |n: usize| (0..n).map(|i| (i % 3) as u8).collect::<Vec<_>>();
        let set = dataset([&train, &few(validation), &few(test)]);
        let plan = Plan { protocol: Protocol::Holdout, sizes: sizes.map(|s| s.parse().unwrap()), limit };
        let Ok(parts) = split(&set, plan, Seed(seed)) else { return Ok(()) };
        let seen = places(&parts);
        prop_assert!(seen.windows(2).all(|two| two[0] < two[1]), "a picture is in two parts");
        prop_assert!(parts.train.len() <= limit.unwrap_or(usize::MAX));
        if limit.is_none() {
            prop_assert_eq!(&seen, &(0..set.pictures().len()).collect::<Vec<_>>());
            // Stratified, where the parts were drawn: each draw is right to within one picture of a class.
            if sizes.is_some() || validation + test == 0 {
                let all = set.class_counts(&seen);
                for part in [&parts.train, &parts.validation, &parts.test] {
                    for (found, of) in set.class_counts(part).iter().zip(&all) {
                        let expected = part.len() as f64 * *of as f64 / set.pictures().len() as f64;
                        prop_assert!((*found as f64 - expected).abs() < 3.0, "{found} of {of}, not {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn quotas_share_out_all_and_no_more_than_there_is(
        sizes in prop::collection::vec(0usize..50, 1..8), share in 0.0f64..=1.0,
    ) {
        let total: usize = sizes.iter().sum();
        let count = (total as f64 * share) as usize;
        let quotas = quotas(&sizes, count);
        prop_assert_eq!(quotas.iter().sum::<usize>(), count);
        for (quota, size) in quotas.iter().zip(&sizes) {
            prop_assert!(quota <= size);
            // To within one picture of its share.
            let exact = *size as f64 * count as f64 / total.max(1) as f64;
            prop_assert!((*quota as f64 - exact).abs() < 1.0);
        }
    }
}
