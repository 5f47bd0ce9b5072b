//! The colours of every picture, on white; knows nothing of what they stand for beyond their names.
//!
//! Training and validation are vermilion and blue of Okabe and Ito's palette ("Color Universal Design", 2008),
//! which people with any of the common colour vision deficiencies tell apart; they also differ in marker.

use std::fmt;

use crate::oklab::Oklab;

/// An opaque sRGB colour, displayed as SVG writes it (`#d55e00`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

    /// What stands for this colour on a dark page: of the same hue, and as far from the dark paper as this one is
    /// from white.
    pub(crate) fn on_dark(self) -> Rgb {
        /// Lightness of dark paper, and of what is black on white. Not black and white: their contrast tires.
        const DARKEST: f64 = 0.22;
        const LIGHTEST: f64 = 1.13;
        let Oklab { lightness, a, b } = Oklab::of([self.0, self.1, self.2]);
        let lightness = LIGHTEST + (DARKEST - LIGHTEST) * lightness;
        let [red, green, blue] = Oklab { lightness, a, b }.srgb();
        Rgb(red, green, blue)
    }

    /// The colour whose six digits a text begins with, as it is displayed but without the `#`.
    pub(crate) fn parse(text: &str) -> Option<Rgb> {
        let digits = text.get(..6).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Rgb(red, green, blue))
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::oklab::linear;

    /// The contrast of two colours, 1 to 21 (WCAG 2.2).
    pub(crate) fn contrast(a: Rgb, b: Rgb) -> f64 {
        let luminance = |Rgb(r, g, b): Rgb| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

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

    #[test]
    fn contrasts() {
        let check = |a, b, expected: f64| {
            let found = contrast(a, b);
            assert!((found - expected).abs() < 0.01, "{a} and {b}: {found}");
        };
        check(PAPER, Rgb(0, 0, 0), 21.0);
        check(PAPER, PAPER, 1.0);
        // The lightest grey that passes AA on white.
        check(Rgb(118, 118, 118), PAPER, 4.54);
    }

    #[test]
    fn what_is_seen_on_white_is_seen_on_dark() {
        let dark = PAPER.on_dark();
        for (name, colour, ground, least) in [
            ("text", INK, PAPER, 7.0),
            ("faint text", FAINT_INK, PAPER, 4.5),
            ("training", TRAINING, PAPER, 3.0),
            ("validation", VALIDATION, PAPER, 4.5),
            ("axis", AXIS, PAPER, 3.0),
            ("counts of what is right", INK, RIGHT, 4.5),
            ("counts of what is wrong", INK, WRONG, 4.5),
        ] {
            let found = [contrast(colour, ground), contrast(colour.on_dark(), ground.on_dark())];
            assert!(found.iter().all(|&found| found >= least), "{name}: {found:.2?}");
        }
        assert!(contrast(GRID.on_dark(), dark) > 1.15, "the grid {} on {dark}", GRID.on_dark());
        assert!(
            RAMP.iter().all(|colour| contrast(colour.on_dark(), dark) > 1.5),
            "{:?}",
            RAMP.map(Rgb::on_dark)
        );
    }

    #[test]
    fn colours_are_read_as_they_are_written() {
        let check = |text: &str, expected| assert_eq!(Rgb::parse(text), expected, "{text}");
        check("d55e00\" stroke", Some(TRAINING));
        check("d55e0", None);
        check("+55e00", None);
        check("", None);
        check("ééé", None);
    }
}
