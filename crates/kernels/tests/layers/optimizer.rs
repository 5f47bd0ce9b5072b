//! Steps of optimizers: the formulas of Keras in `f32`, to the last bit, and in `f64`.

use kernels::Simd;
use kernels::optimizer::{Adam, Momentum, MomentumKind, decay_weights, sgd};
use proptest::prelude::*;

use super::{bits, difference, greatest, numbers, same_on_all_threads};

/// Weights and what an optimizer remembers of each.
#[derive(Clone, Debug, PartialEq)]
struct Parameters([Vec<f32>; 3]);

impl Parameters {
    fn new(len: usize, salt: u64) -> Self {
        let square = numbers(len, salt + 2).iter().map(|v| v * v).collect();
        Self([numbers(len, salt), numbers(len, salt + 1), square])
    }

    fn bits(&self) -> Vec<Vec<u32>> {
        self.0.iter().map(|values| bits(values)).collect()
    }
}

/// A step of some optimizer: of parameters along gradients.
type Step<'a> = &'a (dyn Fn(Simd, &mut Parameters, &[f32]) + Sync);
/// Its formula for one parameter: weight, first and second memory, gradient.
type Formula<'a, T> = &'a dyn Fn(&mut [T; 3], T);

/// The step against its formula in both widths, on every instruction set.
fn check(step: Step, narrow: Formula<f32>, wide: Formula<f64>, len: usize, salt: u64) {
    let mut gradient = numbers(len, salt + 3);
    let mut start = Parameters::new(len, salt);
    for with_nan in [false, true] {
        if with_nan && len > 0 {
            gradient[len / 2] = f32::NAN;
            start.0[0][len - 1] = f32::INFINITY;
        }
        let mut formula = start.clone();
        let mut exact = Vec::new();
        for (i, &g) in gradient.iter().enumerate() {
            let mut one = [0, 1, 2].map(|part| start.0[part][i]);
            let mut exactly = one.map(f64::from);
            narrow(&mut one, g);
            wide(&mut exactly, f64::from(g));
            exact.push(exactly[0]);
            (0..3).for_each(|part| formula.0[part][i] = one[part]);
        }
        for simd in Simd::available() {
            let mut found = start.clone();
            step(simd, &mut found, &gradient);
            if with_nan {
                // Which NaN it is may differ from the formula's; that it is one may not.
                for (found, formula) in found.0.iter().flatten().zip(formula.0.iter().flatten()) {
                    assert!(found == formula || (found.is_nan() && formula.is_nan()), "{simd}");
                }
            } else {
                assert!(found.bits() == formula.bits(), "{simd} gives other bits");
                assert!(difference(&found.0[0], &exact, greatest(&exact).max(1.0)) < 1e-5, "{simd}");
            }
        }
    }
}

fn adam(simd: Simd, p: &mut Parameters, g: &[f32]) {
    let [w, m, v] = &mut p.0;
    Adam::default().step(simd, 0.01, w, g, m, v).unwrap();
}

fn adam_with_decay(simd: Simd, p: &mut Parameters, g: &[f32]) {
    decay_weights(simd, 0.01, 0.004, &mut p.0[0]);
    adam(simd, p, g);
}

fn momentum(kind: MomentumKind) -> impl Fn(Simd, &mut Parameters, &[f32]) + Sync {
    move |simd, p, g| {
        let [w, v, _] = &mut p.0;
        Momentum { momentum: 0.9, kind }.step(simd, 0.01, w, g, v).unwrap();
    }
}

fn plain(simd: Simd, p: &mut Parameters, g: &[f32]) {
    sgd(simd, 0.01, &mut p.0[0], g).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn steps_of_any_length(len in 0usize..200, salt in 1u64..1_000_000) {
        let adam_formula = |[w, m, v]: &mut [f32; 3], g: f32| {
            *m += (g - *m) * (1.0 - 0.9f64) as f32;
            *v += (g * g - *v) * (1.0 - 0.999f64) as f32;
            *w -= 0.01 * *m / (v.sqrt() + 1e-7);
        };
        let adam_exact = |[w, m, v]: &mut [f64; 3], g: f64| {
            *m += (g - *m) * (1.0 - 0.9);
            *v += (g * g - *v) * (1.0 - 0.999);
            *w -= 0.01 * *m / (v.sqrt() + 1e-7);
        };
        check(&adam, &adam_formula, &adam_exact, len, salt);
        check(
            &adam_with_decay,
            &|p, g| { p[0] -= p[0] * 0.004 * 0.01; adam_formula(p, g) },
            &|p, g| { p[0] -= p[0] * 0.004 * 0.01; adam_exact(p, g) },
            len, salt,
        );
        check(
            &momentum(MomentumKind::Polyak),
            &|[w, v, _], g| { *v = 0.9 * *v - 0.01 * g; *w += *v; },
            &|[w, v, _], g| { *v = 0.9 * *v - 0.01 * g; *w += *v; },
            len, salt,
        );
        check(
            &momentum(MomentumKind::Nesterov),
            &|[w, v, _], g| { *v = 0.9 * *v - 0.01 * g; *w += 0.9 * *v - 0.01 * g; },
            &|[w, v, _], g| { *v = 0.9 * *v - 0.01 * g; *w += 0.9 * *v - 0.01 * g; },
            len, salt,
        );
        check(&plain, &|p, g| p[0] -= 0.01 * g, &|p, g| p[0] -= 0.01 * g, len, salt);
    }
}

/// Several pieces of work, and a rest.
#[test]
fn threads_change_nothing() {
    let len = 50_001;
    let gradient = numbers(len, 9);
    let (polyak, nesterov) = (momentum(MomentumKind::Polyak), momentum(MomentumKind::Nesterov));
    let steps: [Step; 5] = [&adam, &adam_with_decay, &polyak, &nesterov, &plain];
    for step in steps {
        same_on_all_threads(|| {
            let mut parameters = Parameters::new(len, 5);
            (0..3).for_each(|_| step(Simd::best(), &mut parameters, &gradient));
            parameters.bits()
        });
    }
}
