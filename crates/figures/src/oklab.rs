//! Colours as they are seen, lightness apart from hue: Oklab (Ottosson 2020); knows no palette.

/// A colour in Oklab: lightness from 0, black, to 1, white; `a` from green to red, `b` from blue to yellow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Oklab {
    pub(crate) lightness: f64,
    pub(crate) a: f64,
    pub(crate) b: f64,
}

impl Oklab {
    /// Of red, green and blue as sRGB codes them.
    pub(crate) fn of(srgb: [u8; 3]) -> Oklab {
        let linear = srgb.map(linear);
        let cones = [
            [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
            [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
            [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
        ]
        .map(|row| libm::cbrt(dot(row, linear)));
        let [lightness, a, b] = [
            [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
            [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
            [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
        ]
        .map(|row| dot(row, cones));
        Oklab { lightness, a, b }
    }

    /// As sRGB codes it; what no screen shows becomes the nearest red, green and blue.
    pub(crate) fn srgb(self) -> [u8; 3] {
        let cones = [
            [1.0, 0.396_337_777_4, 0.215_803_757_3],
            [1.0, -0.105_561_345_8, -0.063_854_172_8],
            [1.0, -0.089_484_177_5, -1.291_485_548_0],
        ]
        .map(|row| dot(row, [self.lightness, self.a, self.b]))
        .map(|cone| cone * cone * cone);
        [
            [4.076_741_662_1, -3.307_711_591_3, 0.230_969_929_2],
            [-1.268_438_004_6, 2.609_757_401_1, -0.341_319_396_5],
            [-0.004_196_086_3, -0.703_418_614_7, 1.707_614_701_0],
        ]
        .map(|row| coded(dot(row, cones)))
    }
}

fn dot(row: [f64; 3], column: [f64; 3]) -> f64 {
    row.into_iter().zip(column).map(|(a, b)| a * b).sum()
}

/// How much light a code of sRGB stands for, 0 to 1 (IEC 61966-2-1).
pub(crate) fn linear(code: u8) -> f64 {
    let code = f64::from(code) / 255.0;
    if code <= 0.04045 { code / 12.92 } else { libm::pow((code + 0.055) / 1.055, 2.4) }
}

fn coded(light: f64) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let code = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * libm::pow(light, 1.0 / 2.4) - 0.055 };
    (code * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_the_paper() {
        // Red of sRGB, as CSS Color 4 gives it: oklab(0.628 0.225 0.126).
        let red = Oklab::of([255, 0, 0]);
        let near = |found: f64, expected: f64| (found - expected).abs() < 5e-4;
        assert!(near(red.lightness, 0.628) && near(red.a, 0.225) && near(red.b, 0.126), "{red:?}");
        let white = Oklab::of([255; 3]);
        assert!(near(white.lightness, 1.0) && near(white.a, 0.0) && near(white.b, 0.0), "{white:?}");
    }

    #[test]
    fn there_and_back_is_the_same() {
        for srgb in [[0, 0, 0], [255, 255, 255], [213, 94, 0], [0, 114, 178], [1, 254, 127], [95, 99, 104]] {
            assert_eq!(Oklab::of(srgb).srgb(), srgb);
        }
    }
}
