//! Named streams of random numbers, the same on every machine; knows nothing of what they are used for.
//!
//! A random number here has a name: (seed, purpose, epoch, sample). The name *is* the key of a ChaCha8
//! stream, so that the order in which streams are opened, the number of threads and an interruption change
//! nothing: whoever opens the stream of sample 17 in epoch 3 draws the same numbers.
//!
//! ```
//! use streams::{Purpose, Seed};
//!
//! let mut one = Seed(7).stream(Purpose::new("noise"), 3, 17);
//! let mut again = Seed(7).stream(Purpose::new("noise"), 3, 17);
//! assert_eq!(one.unit_f32(), again.unit_f32());
//! ```
//!
//! Everything above the integers is computed with IEEE basic operations and `libm`, never with the
//! platform's own `exp` or `cos`, which differ from one C library to the next.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The seed of a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// Opens the stream that this seed, a purpose, an epoch and a sample name. Use 0 where a purpose has
    /// no epochs or no samples.
    pub fn stream(self, purpose: Purpose, epoch: u64, sample: u64) -> Stream {
        self.key(purpose, epoch, sample).stream()
    }

    /// The key of that stream, for who computes its numbers elsewhere.
    pub fn key(self, purpose: Purpose, epoch: u64, sample: u64) -> Key {
        let [seed, purpose, epoch, sample] =
            [self.0, purpose.0, epoch, sample].map(|part| [part as u32, (part >> 32) as u32]);
        Key([seed[0], seed[1], purpose[0], purpose[1], epoch[0], epoch[1], sample[0], sample[1]])
    }
}

/// The name of a stream as the eight words of a ChaCha8 key; nonce and first counter are 0. Word `i` of the stream is
/// word `i % 16` of the block that the counter `i / 16` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub [u32; 8]);

impl Key {
    /// Opens the stream.
    pub fn stream(self) -> Stream {
        let mut bytes = [0u8; 32];
        for (four, word) in bytes.chunks_exact_mut(4).zip(self.0) {
            four.copy_from_slice(&word.to_le_bytes());
        }
        Stream { rng: ChaCha8Rng::from_seed(bytes) }
    }
}

/// What a stream is drawn for: a word of at most eight ASCII characters, checked when it is compiled into
/// a `const`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Purpose(u64);

impl Purpose {
    /// Names a purpose. The word is the key: two purposes with the same word share their numbers.
    ///
    /// # Panics
    /// If the word is empty, longer than eight bytes or not ASCII: a mistake in the program, found when a
    /// `const` is compiled.
    pub const fn new(word: &str) -> Self {
        let bytes = word.as_bytes();
        assert!(
            !bytes.is_empty() && bytes.len() <= 8 && word.is_ascii(),
            "a purpose is 1 to 8 ASCII characters"
        );
        let mut key = [0u8; 8];
        let mut i = 0;
        while i < bytes.len() {
            key[i] = bytes[i];
            i += 1;
        }
        Self(u64::from_le_bytes(key))
    }
}

/// One stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    rng: ChaCha8Rng,
}

impl Stream {
    /// 32 random bits.
    #[inline]
    pub fn bits(&mut self) -> u32 {
        self.rng.next_u32()
    }

    /// Fills `words` with 32 random bits each: what as many calls of [`bits`](Self::bits) give, in less time.
    pub fn fill(&mut self, words: &mut [u32]) {
        for word in words {
            *word = self.rng.next_u32();
        }
    }

    /// Uniform in [0, 1), a multiple of 2^-24: every value is exact in `f32`.
    pub fn unit_f32(&mut self) -> f32 {
        (self.bits() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in [low, high).
    pub fn uniform_f32(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit_f32()
    }

    /// Uniform in 0..bound without bias (Lemire, "Fast random integer generation in an interval", 2019).
    /// A bound of 0 gives 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound == 0 {
            return 0;
        }
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u64::from(self.bits()) * u64::from(bound);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }

    /// Uniform in low..=high; `low` where the range is empty.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        let span = high.wrapping_sub(low).max(0) as u32;
        low.wrapping_add(self.below(span.saturating_add(1)) as i32)
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit_f32() < probability
    }

    /// Two independent standard normal numbers (Box and Muller, 1958).
    pub fn normal_pair(&mut self) -> (f32, f32) {
        // 1 - u is in (0, 1], so the logarithm is finite.
        let radius = libm::sqrtf(-2.0 * libm::logf(1.0 - self.unit_f32()));
        let angle = std::f32::consts::TAU * self.unit_f32();
        (radius * libm::cosf(angle), radius * libm::sinf(angle))
    }

    /// Shuffles in place, every order equally likely (Fisher and Yates).
    ///
    /// Slices of more than `u32::MAX` elements are shuffled in their first `u32::MAX` places only.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        let len = u32::try_from(items.len()).unwrap_or(u32::MAX);
        for i in (1..len).rev() {
            items.swap(i as usize, self.below(i + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: Purpose = Purpose::new("test");

    #[test]
    fn the_numbers_never_change() {
        // Model files depend on these: a change here is a change of every md5 ever handed in.
        let mut stream = Seed(0).stream(TEST, 0, 0);
        let drawn: Vec<u32> = (0..4).map(|_| stream.bits()).collect();
        assert_eq!(drawn, GOLDEN);
    }
    const GOLDEN: [u32; 4] = [1_972_926_866, 930_996_927, 2_268_954_986, 4_166_768_006];

    #[test]
    fn filling_is_drawing() {
        let (mut one, mut other) = (Seed(1).stream(TEST, 2, 3), Seed(1).stream(TEST, 2, 3));
        for len in [0, 1, 63, 64, 65, 200] {
            let mut words = vec![0; len];
            one.fill(&mut words);
            assert!(words.into_iter().all(|word| word == other.bits()));
        }
    }

    #[test]
    fn every_part_of_the_name_counts() {
        let base = Seed(1).stream(TEST, 2, 3).bits();
        for mut other in [
            Seed(2).stream(TEST, 2, 3),
            Seed(1).stream(Purpose::new("other"), 2, 3),
            Seed(1).stream(TEST, 3, 3),
            Seed(1).stream(TEST, 2, 4),
        ] {
            assert_ne!(base, other.bits());
        }
    }

    #[test]
    fn below_is_even_and_bounded() {
        let mut stream = Seed(5).stream(TEST, 0, 0);
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|&c| (9_600..10_400).contains(&c)), "{counts:?}");
        assert_eq!(stream.below(0), 0);
        assert!((0..1000).all(|_| (-3..=4).contains(&stream.between(-3, 4))));
    }

    #[test]
    fn normal_numbers_have_mean_zero_and_variance_one() {
        let mut stream = Seed(5).stream(TEST, 0, 0);
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..50_000 {
            let (a, b) = stream.normal_pair();
            sum += f64::from(a) + f64::from(b);
            squares += f64::from(a).powi(2) + f64::from(b).powi(2);
        }
        assert!((sum / 1e5).abs() < 0.02 && (squares / 1e5 - 1.0).abs() < 0.02, "{sum} {squares}");
    }

    #[test]
    fn shuffle_is_a_permutation() {
        let mut items: Vec<u32> = (0..1000).collect();
        Seed(5).stream(TEST, 0, 0).shuffle(&mut items);
        assert_ne!(items[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        items.sort_unstable();
        assert!(items.iter().copied().eq(0..1000));
    }
}
