//! The colours of every picture, on white; knows nothing of what they stand for beyond their names.
//!
//! Training and validation are vermilion and blue of Okabe and Ito's palette ("Color Universal Design", 2008),
//! which people with any of the common colour vision deficiencies tell apart; they also differ in marker.

use std::fmt;

/// An opaque sRGB colour, displayed as SVG writes it (`#d55e00`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

pub(crate) const PAPER: Rgb = Rgb(255, 255, 255);
pub(crate) const INK: Rgb = Rgb(32, 33, 36);
pub(crate) const FAINT_INK: Rgb = Rgb(95, 99, 104);
pub(crate) const AXIS: Rgb = Rgb(120, 124, 130);
pub(crate) const GRID: Rgb = Rgb(228, 230, 233);
pub(crate) const TRAINING: Rgb = Rgb(213, 94, 0);
pub(crate) const VALIDATION: Rgb = Rgb(0, 114, 178);

/// The lines of a picture with several runs: those of Okabe and Ito's colours that are seen on white, the darker
/// first.
pub(crate) const RUNS: [Rgb; 7] =
    [VALIDATION, TRAINING, Rgb(0, 158, 115), Rgb(204, 121, 167), INK, Rgb(230, 159, 0), Rgb(86, 180, 233)];

/// The darkest shade of an area that stands for what is right; [`INK`] is read on it.
pub(crate) const RIGHT: Rgb = Rgb(64, 156, 214);
/// The darkest shade of an area that stands for what is wrong; [`INK`] is read on it.
pub(crate) const WRONG: Rgb = Rgb(226, 126, 32);

/// Oldest, middle and newest step of a ridgeline: TensorBoard's ramp (run colour, darker to brighter).
const RAMP: [Rgb; 3] = [Rgb(107, 41, 0), Rgb(213, 94, 0), Rgb(255, 178, 112)];

/// The colour of a step whose age goes from 0 (oldest, dark) to 1 (newest, light).
pub(crate) fn ramp(age: f64) -> Rgb {
    let along = age.clamp(0.0, 1.0) * 2.0;
    let (from, to, part) =
        if along < 1.0 { (RAMP[0], RAMP[1], along) } else { (RAMP[1], RAMP[2], along - 1.0) };
    from.towards(to, part)
}

impl Rgb {
    /// The colour so far on the way to another, from 0 to 1.
    pub(crate) fn towards(self, to: Rgb, part: f64) -> Rgb {
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
        Rgb(mix(self.0, to.0), mix(self.1, to.1), mix(self.2, to.2))
    }

    /// A shade of this colour on paper, from 0, the paper itself, to 1.
    pub(crate) fn shade(self, depth: f64) -> Rgb {
        PAPER.towards(self, depth.clamp(0.0, 1.0))
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_goes_from_dark_to_light() {
        assert_eq!([ramp(0.0), ramp(0.5), ramp(1.0)], RAMP);
        let light = |c: Rgb| u32::from(c.0) + u32::from(c.1) + u32::from(c.2);
        let steps: Vec<u32> = (0..=50).map(|i| light(ramp(f64::from(i) / 50.0))).collect();
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn colours_are_written_as_svg_does() {
        assert_eq!(TRAINING.to_string(), "#d55e00");
        assert_eq!(VALIDATION.to_string(), "#0072b2");
    }
}
