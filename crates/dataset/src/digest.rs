//! What pictures are, whatever their order: a hash of each, and one of all. Knows nothing of files or of how
//! pictures are used.
//!
//! A picture's digest is the SHA-256 of its pixels (C, H, W). A dataset's fingerprint is the SHA-256 of: C, H
//! and W as 64-bit little-endian numbers; then for the training, the validation and the test pictures their
//! number as such a number, and the digest and the label (a byte) of each, in the order of digests, then of
//! labels. So pictures from a table, and the same from a folder of files, have the same fingerprint; and since
//! everything that is drawn at random starts from [`Dataset::by_content`](crate::Dataset::by_content), they
//! also train the same network.

use sha2::{Digest as _, Sha256};

use crate::disk::hex;
use crate::{Given, Pictures, cores};

/// Pictures that a thread takes at a time.
const AT_ONCE: usize = 256;

/// SHA-256 of the pixels of one picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of these bytes.
    pub fn of(pixels: &[u8]) -> Self {
        Self(Sha256::digest(pixels).into())
    }

    /// The first eight bytes as a little-endian number: names the picture's random streams.
    pub fn name(&self) -> u64 {
        self.0.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
    }
}

/// The digest of each picture, on all cores.
pub(crate) fn digests(pictures: &Pictures) -> Vec<Digest> {
    let mut digests = vec![Digest::default(); pictures.len()];
    cores::each_certain(digests.chunks_mut(AT_ONCE).enumerate(), |(part, digests)| {
        for (i, digest) in digests.iter_mut().enumerate() {
            *digest = Digest::of(pictures.picture(part * AT_ONCE + i));
        }
    });
    digests
}

/// The fingerprint of a dataset whose pictures have these digests and, in each part, this order by content.
pub(crate) fn fingerprint(pictures: &Pictures, digests: &[Digest], given: Given, order: &[usize]) -> String {
    let mut hash = Sha256::new();
    let shape = pictures.shape();
    for number in [shape.channels, shape.height, shape.width] {
        hash.update((number as u64).to_le_bytes());
    }
    for range in given.ranges() {
        hash.update((range.len() as u64).to_le_bytes());
        for &i in &order[range] {
            hash.update(digests[i].0);
            hash.update([pictures.label(i)]);
        }
    }
    hex(&hash.finalize())
}

/// All places: part by part, and in each by digest, then label, then place, which decides only between equals.
pub(crate) fn by_content(pictures: &Pictures, digests: &[Digest], given: Given) -> Vec<usize> {
    // By the first bytes of digests, which lie beside the places, and by the rest only where these are equal.
    let first = |i: usize| digests[i].0.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    let rest = |i: usize| (&digests[i], pictures.label(i), i);
    let mut order = Vec::with_capacity(pictures.len());
    for range in given.ranges() {
        let mut places: Vec<(u64, usize)> = range.map(|i| (first(i), i)).collect();
        places.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| rest(a.1).cmp(&rest(b.1))));
        order.extend(places.into_iter().map(|(_, place)| place));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dataset, Shape, Source};

    fn dataset(pixels: &[u8], labels: &[u8], [train, validation, test]: [usize; 3]) -> Dataset {
        let shape = Shape { channels: 1, height: 1, width: 2 };
        let pictures = Pictures::new(shape, pixels.to_vec(), labels.to_vec()).unwrap();
        Dataset::new(Source::Program, ["a", "b"], pictures, Given { train, validation, test }).unwrap()
    }

    #[test]
    fn the_fingerprint_is_what_its_description_says() {
        // python3: d = lambda *b: hashlib.sha256(bytes(b)).digest()
        //   train = sorted([d(5, 6) + b"\0", d(1, 2) + b"\1"]); test = [d(7, 8) + b"\1"]
        //   n = lambda *v: struct.pack(f"<{len(v)}Q", *v)
        //   hashlib.sha256(n(1, 1, 2) + n(2) + b"".join(train) + n(0) + n(1) + test[0]).hexdigest()
        let set = dataset(&[5, 6, 1, 2, 7, 8], &[0, 1, 1], [2, 0, 1]);
        assert_eq!(set.fingerprint(), GOLDEN);
    }
    const GOLDEN: &str = "0632aee888b4588657d7a5f7778685b769e8af7ff0adb15443e503edc1984aa7";

    #[test]
    fn the_order_does_not_count_but_every_byte_and_label_does() {
        let base = dataset(&[5, 6, 1, 2, 7, 8], &[0, 1, 1], [2, 0, 1]);
        let same = dataset(&[1, 2, 5, 6, 7, 8], &[1, 0, 1], [2, 0, 1]);
        assert_eq!(base.fingerprint(), same.fingerprint());
        let pixels = |set: &Dataset| {
            let place = set.by_content()[0];
            place.iter().map(|&i| set.pictures().picture(i).to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(pixels(&base), pixels(&same));
        for other in [
            dataset(&[5, 6, 1, 2, 7, 9], &[0, 1, 1], [2, 0, 1]),
            dataset(&[5, 6, 1, 2, 7, 8], &[1, 0, 1], [2, 0, 1]),
            dataset(&[5, 6, 1, 2, 7, 8], &[0, 1, 1], [2, 1, 0]),
            dataset(&[5, 6, 1, 2, 7, 8], &[0, 1, 1], [1, 1, 1]),
            dataset(&[5, 6, 7, 8, 1, 2], &[0, 1, 1], [2, 0, 1]),
        ] {
            assert_ne!(base.fingerprint(), other.fingerprint());
        }
    }

    #[test]
    fn the_order_is_that_of_digests_then_labels_then_places() {
        let pixels: Vec<u8> = (0..300u32).flat_map(|i| [(i % 7) as u8, (i / 60) as u8]).collect();
        let labels: Vec<u8> = (0..300u32).map(|i| (i * i % 2) as u8).collect();
        let set = dataset(&pixels, &labels, [200, 0, 100]);
        for (order, range) in set.by_content().into_iter().zip(set.given().ranges()) {
            assert!(order.is_sorted_by_key(|&i| (set.digests()[i], labels[i], i)));
            let mut places = order.to_vec();
            places.sort_unstable();
            assert!(places.into_iter().eq(range));
        }
    }

    #[test]
    fn every_picture_gets_its_own_digest() {
        let count = 2 * AT_ONCE + 3;
        let pixels: Vec<u8> = (0..2 * count).map(|i| (i / 3) as u8).collect();
        let set = dataset(&pixels, &vec![0; count], [count, 0, 0]);
        for (i, digest) in set.digests().iter().enumerate() {
            assert_eq!(*digest, Digest::of(&pixels[2 * i..][..2]));
        }
        // SHA-256 of "abc": FIPS 180-4's example.
        assert_eq!(Digest::of(b"abc").name(), 0xeacf_018f_bf16_78ba);
    }
}
