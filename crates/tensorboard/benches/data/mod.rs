//! What benchmarks write: normal values, and a run as Keras' callback leaves it; knows nothing of clocks.

#![allow(dead_code, reason = "no program needs all of it")]

use tensorboard::{Error, Writer};

/// Values of a histogram: the weights of the tutorial network's largest layer.
pub(crate) const VALUES: usize = 65_536;

/// Normal values by the method of Box and Muller, from the generator SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) fn normal(count: usize) -> Vec<f32> {
    let mut state = 0u64;
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The upper 53 bits, never 0.
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let one = |_| ((-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()) as f32;
    (0..count).map(one).collect()
}

/// The smallest and the largest value, at the speed of memory: sixteen values side by side, and a block for the one
/// and then for the other, which compilers turn into vector instructions, as they do not for one running minimum.
pub(crate) fn range(values: &[f32]) -> (f32, f32) {
    const LANES: usize = 16;
    const BLOCK: usize = 64 * LANES;
    let (mut least, mut most) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    for block in blocks {
        let (rows, _) = block.as_chunks::<LANES>();
        for row in rows {
            for lane in 0..LANES {
                least[lane] = if row[lane] < least[lane] { row[lane] } else { least[lane] };
            }
        }
        for row in rows {
            for lane in 0..LANES {
                most[lane] = if row[lane] > most[lane] { row[lane] } else { most[lane] };
            }
        }
    }
    let least = least.iter().chain(rest).copied().fold(f32::INFINITY, f32::min);
    let most = most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
    (least, most)
}

/// Writes the epochs of a training run with the tags of the tutorial network: three scalars and ten histograms each.
pub(crate) fn keras_like(writer: &mut Writer, epochs: usize) -> Result<(), Error> {
    let values = normal(64);
    for epoch in 0..epochs {
        for tag in ["epoch_accuracy", "epoch_loss", "epoch_learning_rate"] {
            writer.scalar(tag, epoch, 0.5)?;
        }
        for layer in ["conv2d", "conv2d_1", "conv2d_2", "dense", "dense_1"] {
            for weight in ["kernel", "bias"] {
                let tag = format!("sequential/{layer}/{weight}/histogram");
                writer.histogram(&tag, epoch, &values)?;
            }
        }
    }
    Ok(())
}
