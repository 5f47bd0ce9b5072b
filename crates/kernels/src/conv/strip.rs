//! Strips of pictures, the pieces of work of a layer, and the zeros around them; knows nothing of weights.

use std::borrow::Cow;
use std::ops::Range;

use super::{Conv2d, Padding};
use crate::product::Segment;

/// Some rows of windows of one picture, or all rows of some pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strip {
    /// The first picture, and how many.
    pub(super) picture: usize,
    pub(super) pictures: usize,
    /// The first row of windows, and how many.
    pub(super) row: usize,
    pub(super) rows: usize,
}

/// How pictures are cut into strips. No number depends on it: only how much is in the cache, and how many threads
/// have work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Rows of windows of a picture.
    picture_rows: usize,
    /// Pictures of a strip, and rows; all rows where there is more than one picture.
    pictures: usize,
    rows: usize,
    /// Rows that stay in one strip.
    together: usize,
}

impl Cut {
    /// Even strips of about `windows` windows, of which a picture has `grid` (rows, columns). Rows stay together by
    /// `together`, of which a picture's rows are a multiple.
    pub(super) fn new(pictures: usize, grid: [usize; 2], windows: usize, together: usize) -> Self {
        let [picture_rows, columns] = grid;
        let wanted = (windows / columns).max(1);
        if wanted < picture_rows {
            let strips = picture_rows.div_ceil(wanted);
            let rows = picture_rows.div_ceil(strips).next_multiple_of(together);
            return Self { picture_rows, pictures: 1, rows, together };
        }
        let strips = pictures.div_ceil(wanted / picture_rows).max(1);
        Self { picture_rows, pictures: pictures.div_ceil(strips).max(1), rows: picture_rows, together }
    }

    /// The strips of some pictures, in order.
    pub(super) fn strips(self, of: Range<usize>) -> impl Iterator<Item = Strip> {
        of.clone().step_by(self.pictures).flat_map(move |picture| {
            let pictures = self.pictures.min(of.end - picture);
            (0..self.picture_rows).step_by(self.rows).map(move |row| {
                let rows = self.rows.min(self.picture_rows - row);
                Strip { picture, pictures, row, rows }
            })
        })
    }

    /// What each strip owns of values of which `together` rows of windows have `each`.
    pub(super) fn split<T>(self, values: &mut [T], each: usize) -> impl Iterator<Item = &mut [T]> {
        let [of_pictures, of_strip] = [self.picture_rows, self.rows].map(|rows| rows / self.together * each);
        values
            .chunks_mut(self.pictures * of_pictures)
            .flat_map(move |pictures| pictures.chunks_mut(self.pictures * of_strip))
    }

    /// Rows of windows of the largest strip.
    pub(super) fn most_rows(self) -> usize {
        self.pictures * self.rows
    }
}

/// Pictures by rows, in memory or computed.
pub(super) trait Rows: Sync {
    /// Writes row `row` of a picture, `(W, C)`.
    fn copy_row(&self, picture: usize, row: usize, to: &mut [f32]);

    /// All pictures, if they are in memory.
    fn in_memory(&self) -> Option<&[f32]>;
}

/// Pictures in memory, with `row_len` values a row and `rows` rows each.
pub(super) struct Pictures<'a> {
    pub(super) values: &'a [f32],
    pub(super) rows: usize,
    pub(super) row_len: usize,
}

impl Rows for Pictures<'_> {
    fn copy_row(&self, picture: usize, row: usize, to: &mut [f32]) {
        to.copy_from_slice(&self.values[(picture * self.rows + row) * self.row_len..][..self.row_len]);
    }

    fn in_memory(&self) -> Option<&[f32]> {
        Some(self.values)
    }
}

/// Pictures with zeros around (and, for a strided convolution's way back, between) their pixels, such that every
/// window lies inside.
pub(super) struct Frame {
    picture: [usize; 3],
    /// Whether there are no zeros, so that pictures in memory do as they are.
    bare: bool,
    /// Rows and columns with the zeros.
    size: [usize; 2],
    /// Where the first pixel lies, and the steps from pixel to pixel.
    first: [usize; 2],
    step: [usize; 2],
    /// Where the first window lies, the steps from window to window, and its size.
    origin: [usize; 2],
    stride: [usize; 2],
    kernel: [usize; 2],
}

impl Frame {
    /// The input, with its padding.
    pub(super) fn of_input(conv: &Conv2d) -> Self {
        let p = conv.padding;
        Self {
            picture: conv.input,
            bare: p == Padding::default(),
            size: [conv.input[0] + p.top + p.bottom, conv.input[1] + p.left + p.right],
            first: [p.top, p.left],
            step: [1, 1],
            origin: [0, 0],
            stride: conv.stride,
            kernel: conv.kernel,
        }
    }

    /// The gradient of the sums, spread by the stride, with a kernel's size less one around: a window for every
    /// pixel of the input.
    pub(super) fn of_sums(conv: &Conv2d) -> Self {
        let p = conv.padding;
        let around = [conv.kernel[0] - 1, conv.kernel[1] - 1];
        Self {
            picture: conv.output_shape(),
            bare: false,
            size: [
                conv.input[0] + p.top + p.bottom + around[0],
                conv.input[1] + p.left + p.right + around[1],
            ],
            first: around,
            step: conv.stride,
            origin: [p.top, p.left],
            stride: [1, 1],
            kernel: conv.kernel,
        }
    }

    /// Rows that so many rows of windows cover.
    fn cover(&self, rows: usize) -> usize {
        (rows - 1) * self.stride[0] + self.kernel[0]
    }

    /// A strip, framed; borrowed where there is nothing to add.
    pub(super) fn strip<'a>(&self, strip: Strip, source: &'a impl Rows) -> Cow<'a, [f32]> {
        let [height, width, channels] = self.picture;
        let row_len = width * channels;
        let cover = self.cover(strip.rows);
        let first = self.origin[0] + strip.row * self.stride[0];
        if let (true, Some(values)) = (self.bare, source.in_memory()) {
            let rows = (strip.pictures - 1) * height + cover;
            return values[(strip.picture * height + first) * row_len..][..rows * row_len].into();
        }
        let framed_len = self.size[1] * channels;
        let mut framed = vec![0.0; strip.pictures * cover * framed_len];
        let mut pixels = vec![0.0; if self.step[1] > 1 { row_len } else { 0 }];
        for (n, framed) in framed.chunks_exact_mut(framed_len).enumerate() {
            let Some(row) = self.row_at(first + n % cover) else { continue };
            let picture = strip.picture + n / cover;
            let framed = &mut framed[self.first[1] * channels..];
            if self.step[1] == 1 {
                source.copy_row(picture, row, &mut framed[..row_len]);
            } else {
                source.copy_row(picture, row, &mut pixels);
                let places = framed.chunks_mut(self.step[1] * channels);
                for (place, pixel) in places.zip(pixels.chunks_exact(channels)) {
                    place[..channels].copy_from_slice(pixel);
                }
            }
        }
        framed.into()
    }

    /// The picture's row that lies in a row of the frame.
    fn row_at(&self, row: usize) -> Option<usize> {
        let below = row.checked_sub(self.first[0])?;
        let inside = below.is_multiple_of(self.step[0]) && below / self.step[0] < self.picture[0];
        inside.then(|| below / self.step[0])
    }

    /// Where the windows of a framed strip begin, `columns` of them in a row; a smaller strip has the first of them.
    pub(super) fn windows(&self, cut: Cut, columns: usize) -> Vec<usize> {
        let channels = self.picture[2];
        let height = if self.bare { self.picture[0] } else { self.cover(cut.rows) };
        let mut windows = Vec::with_capacity(cut.most_rows() * columns);
        for picture in 0..cut.pictures {
            for i in 0..cut.rows {
                let row = (picture * height + i * self.stride[0]) * self.size[1] + self.origin[1];
                windows.extend((0..columns).map(|j| (row + j * self.stride[1]) * channels));
            }
        }
        windows
    }

    /// The runs of neighbouring values in a window.
    pub(super) fn segments(&self) -> Vec<Segment> {
        let channels = self.picture[2];
        (0..self.kernel[0])
            .map(|u| Segment { start: u * self.size[1] * channels, len: self.kernel[1] * channels })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strips_are_all_rows_in_order(
            first in 0usize..3, pictures in 0usize..20, half in 1usize..12, columns in 1usize..20,
            windows in 1usize..300, pairs in any::<bool>()
        ) {
            let (rows, together) = if pairs { (2 * half, 2) } else { (half, 1) };
            let cut = Cut::new(pictures, [rows, columns], windows, together);
            let mut next = first * rows;
            let mut values: Vec<usize> = (first * rows..(first + pictures) * rows).step_by(together).collect();
            let mut parts = cut.split(&mut values, 1);
            for strip in cut.strips(first..first + pictures) {
                let count = strip.pictures * strip.rows;
                prop_assert_eq!(strip.picture * rows + strip.row, next);
                prop_assert!(strip.pictures == 1 || (strip.row, strip.rows) == (0, rows));
                prop_assert!(strip.rows.is_multiple_of(together) && count <= cut.most_rows());
                let part = parts.next().unwrap();
                prop_assert_eq!((part[0], part.len() * together), (next, count));
                next += count;
            }
            prop_assert_eq!(next, (first + pictures) * rows);
            prop_assert!(parts.next().is_none());
        }
    }
}
