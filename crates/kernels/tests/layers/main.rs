//! Every kernel against naive loops in `f64`, and against itself: the same bits on every instruction set and for every
//! number of threads.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod batch_norm;
mod dropout;
mod loss;
mod optimizer;
mod plan;
mod pool;
mod products;

/// Numbers in [-1, 1), some of them 0, the same for the same salt.
fn numbers(len: usize, salt: u64) -> Vec<f32> {
    let mut state = salt.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let x = (state >> 40) as f32 / 8_388_608.0 - 1.0;
            if x.abs() < 0.05 { 0.0 } else { x }
        })
        .collect()
}

/// The largest difference, in parts of `scale`.
fn difference(found: &[f32], exact: &[f64], scale: f64) -> f64 {
    assert_eq!(found.len(), exact.len());
    found.iter().zip(exact).map(|(f, e)| (f64::from(*f) - e).abs()).fold(0.0, f64::max) / scale
}

/// The largest size of an element.
fn greatest(values: &[f64]) -> f64 {
    values.iter().fold(1e-30, |m: f64, x| m.max(x.abs()))
}

/// For comparing to the last bit, NaN included.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// Asserts that the work gives the same for every number of threads.
fn same_on_all_threads<T: PartialEq + std::fmt::Debug + Send>(work: impl Fn() -> T + Sync) {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(&work)
    };
    let one = with(1);
    for threads in [3, 7] {
        assert!(with(threads) == one, "{threads} threads give another result");
    }
}
