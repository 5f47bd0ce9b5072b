//! What a step needs so that the host has no part in it.

use crate::host::Number::{Real, Whole};
use crate::host::{Array, launch};
use crate::{check_equal, numbers, size, stream};

#[test]
fn rows_become_columns() {
    for case in 0..10 {
        let mut stream = stream(case);
        let [batch, rows, columns] = [3, 7, 9].map(|most| size(&mut stream, 1, most));
        let from = numbers(&mut stream, batch * rows * columns);
        let mut expected = Vec::new();
        for matrix in from.chunks_exact(rows * columns) {
            for j in 0..columns {
                expected.extend((0..rows).map(|i| matrix[i * columns + j]));
            }
        }
        let arrays = [Array::from(&from[..]), Array::unwritten(from.len())];
        let [_, to] = launch("transpose", from.len(), &arrays, &[batch, rows, columns].map(Whole));
        check_equal("columns", &to.floats(), &expected);
    }
}

/// Places in another order.
fn places(len: usize) -> Vec<u32> {
    let mut places: Vec<u32> = (0..len as u32).collect();
    stream(7).shuffle(&mut places);
    places
}

#[test]
fn weights_go_to_their_places_and_gradients_come_from_there() {
    let weights = numbers(&mut stream(1), 300);
    let place = places(300);
    let mut expected = vec![0.0; 300];
    place.iter().zip(&weights).for_each(|(&place, &weight)| expected[place as usize] = weight);
    let arrays = [Array::from(&weights[..]), Array::from(&place[..]), Array::unwritten(300)];
    let [_, _, working] = launch("spread_weights", 300, &arrays, &[Whole(300)]);
    check_equal("working", &working.floats(), &expected);
    let arrays = [working, Array::from(&place[..]), Array::from(&[0.5f32][..]), Array::unwritten(300)];
    let [_, _, _, back] = launch("collect_gradient", 300, &arrays, &[Whole(300)]);
    check_equal("back", &back.floats(), &weights.iter().map(|w| w * 0.5).collect::<Vec<_>>());
    let arrays = [Array::from(&weights[..]), Array::unwritten(300)];
    let [_, wide] = launch("widen_numbers", 300, &arrays, &[Whole(300)]);
    check_equal("as they are", &wide.floats(), &weights);
}

#[test]
fn a_step_leaves_its_loss_and_its_right_answers() {
    let report = |sums: &[f32], halted: u32| {
        let counts = vec![2u32; sums.len()];
        let arrays = [
            Array::from(sums),
            Array::from(&counts[..]),
            Array::from(&[1u32][..]),
            Array::from(&[7f32, 7.0, 7.0][..]),
            Array::from(&[9u32, 9, 9][..]),
            Array::from(&[halted][..]),
        ];
        let [_, _, _, losses, correct, halted] =
            launch("report_step", 1, &arrays, &[Whole(sums.len()), Whole(10)]);
        (losses.floats(), correct.words(), halted.words()[0])
    };
    assert_eq!(report(&[1.0, 2.5, 0.5], 0), (vec![7.0, 0.4, 7.0], vec![9, 6, 9], 0));
    for lost in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (losses, _, halted) = report(&[1.0, lost], 0);
        assert!(!losses[1].is_finite() && halted == 1, "{lost}");
    }
    assert_eq!(report(&[1.0], 1).2, 1);
    let [step] = launch("next_step", 1, &[Array::from(&[41u32][..])], &[]);
    assert_eq!(step.words(), [42]);
}

#[test]
fn long_gradients_are_shortened() {
    let gradient: Vec<f32> = numbers(&mut stream(2), 500);
    let length = gradient.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>().sqrt();
    let factor = |gradient: &[f32], longest: f32, parts: usize| {
        let arrays = [Array::from(gradient), Array::unwritten(2 * parts)];
        let [_, sums] = launch("square_parts", parts, &arrays, &[Whole(gradient.len()), Whole(parts)]);
        let arrays = [sums, Array::unwritten(1)];
        let [_, factor] = launch("clip_factor", 1, &arrays, &[Whole(parts), Real(longest)]);
        factor.floats()[0]
    };
    for parts in [1, 3, 64, 600] {
        let short = factor(&gradient, 2.0, parts);
        assert!((f64::from(short) * length / 2.0 - 1.0).abs() < 1e-7, "{parts}: {short}");
        assert_eq!(factor(&gradient, 1e3, parts), 1.0);
    }
    // What is no number is not hidden.
    assert_eq!(factor(&[f32::NAN, 1.0], 0.5, 2), 1.0);
    assert_eq!(factor(&[3.0, -4.0], 5.0, 1), 1.0);
}

/// A step at places, by rates of its own number, is the plain one.
#[test]
fn steps_at_places_are_plain_steps() {
    const LEN: usize = 200;
    let mut stream = stream(3);
    let mut values = || numbers(&mut stream, LEN);
    let (weights, gradient) = (values(), values());
    let moments: [Vec<f32>; 2] = [values(), values().into_iter().map(f32::abs).collect()];
    let (place, factor, rate, decay) = (places(LEN), 0.5f32, 0.01f32, 0.125f32);
    let shortened: Vec<f32> = gradient.iter().map(|g| g * factor).collect();
    let mut there = vec![0.0; LEN];
    place.iter().zip(&gradient).for_each(|(&place, &g)| there[place as usize] = g);

    for (name, kept) in [("adam", 2), ("sgd", 0), ("momentum", 1)] {
        let own: Vec<Array> = moments[..kept].iter().map(|moment| Array::from(&moment[..])).collect();
        let (plain_numbers, step_numbers) = match name {
            "adam" => (
                vec![Whole(LEN), Real(rate), Real(0.1), Real(0.001), Real(1e-7), Real(decay)],
                vec![Whole(LEN), Real(0.1), Real(0.001), Real(1e-7)],
            ),
            "sgd" => (vec![Whole(LEN), Real(rate), Real(decay)], vec![Whole(LEN)]),
            _ => (
                vec![Whole(LEN), Real(rate), Real(0.9), Whole(1), Real(decay)],
                vec![Whole(LEN), Real(0.9), Whole(1)],
            ),
        };
        let plain = run(
            name,
            [vec![Array::from(&weights[..]), Array::from(&shortened[..])], own.clone()].concat(),
            &plain_numbers,
        );
        let step = |halted: u32| {
            let arrays = vec![
                Array::from(&weights[..]),
                Array::unwritten(LEN),
                Array::from(&there[..]),
                Array::from(&place[..]),
                Array::from(&[2u32][..]),
                Array::from(&[halted][..]),
                Array::from(&[factor][..]),
                Array::from(&[9.0, 9.0, rate][..]),
                Array::from(&[9.0, 9.0, decay][..]),
            ];
            run(&format!("{name}_step"), [arrays, own.clone()].concat(), &step_numbers)
        };
        let made = step(0);
        check_equal(name, &made[0].floats(), &plain[0].floats());
        assert_ne!(made[0].floats(), weights, "{name} moves");
        let working = made[1].floats();
        let back: Vec<f32> = place.iter().map(|&place| working[place as usize]).collect();
        check_equal(name, &back, &plain[0].floats());
        for kept in 0..kept {
            check_equal(name, &made[9 + kept].floats(), &plain[2 + kept].floats());
        }
        let halted = step(1);
        check_equal("halted", &halted[0].floats(), &weights);
        assert_eq!(halted[9..], own[..], "halted {name}");
    }
}

/// [`launch`] of as many arrays as there are.
fn run(kernel: &str, arrays: Vec<Array>, numbers: &[crate::host::Number]) -> Vec<Array> {
    const LEN: usize = 200;
    fn of<const N: usize>(kernel: &str, arrays: Vec<Array>, numbers: &[crate::host::Number]) -> Vec<Array> {
        let Ok(arrays) = <[Array; N]>::try_from(arrays) else { panic!("{kernel}: another number of arrays") };
        launch(kernel, LEN, &arrays, numbers).to_vec()
    }
    match arrays.len() {
        2 => of::<2>(kernel, arrays, numbers),
        3 => of::<3>(kernel, arrays, numbers),
        4 => of::<4>(kernel, arrays, numbers),
        9 => of::<9>(kernel, arrays, numbers),
        10 => of::<10>(kernel, arrays, numbers),
        11 => of::<11>(kernel, arrays, numbers),
        other => panic!("{kernel}: {other} arrays"),
    }
}
