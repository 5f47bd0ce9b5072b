//! Numbers as people read them in pictures; the same text on every machine.

/// The minus sign of the fonts, as wide as a plus; a hyphen is too short to be seen beside digits.
const MINUS: &str = "\u{2212}";

/// Power of ten of the first digit: 0 for 1 to 9.99, -1 for 0.1 to 0.999. 0 for zero.
pub(crate) fn magnitude(value: f64) -> i32 {
    // The shortest scientific form is exact where log10 may be off by one at powers of ten.
    format!("{value:e}").split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

/// With so many decimals.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}").replace('-', MINUS)
}

/// As `1.5e-7`, with so many digits behind the first.
pub(crate) fn scientific(value: f64, digits: usize) -> String {
    format!("{value:.digits$e}").replace('-', MINUS)
}

/// A fraction as percent with two decimals: one test picture in 10,000 is still seen.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{} %", fixed(fraction * 100.0, 2))
}

/// A value of unknown size: with four decimals, as Keras prints losses, where they show enough of it.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-2..1e5).contains(&size) => fixed(value, 4),
        _ => scientific(value, 3),
    }
}

/// A learning rate: as few digits as tell it to six.
pub(crate) fn rate(value: f64) -> String {
    if !value.is_finite() {
        return fixed(value, 0);
    }
    // A rate that was stored as f32 is not 0.0010000000474974513.
    let short: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    let text = if (1e-4..1e4).contains(&short.abs()) || short == 0.0 {
        format!("{short}")
    } else {
        format!("{short:e}")
    };
    text.replace('-', MINUS)
}

/// A count with thousands set apart by commas.
pub(crate) fn grouped(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnitudes() {
        for (value, power) in [(1.0, 0), (9.99, 0), (10.0, 1), (0.1, -1), (1e-5, -5), (-250.0, 2), (0.0, 0)] {
            assert_eq!(magnitude(value), power, "{value}");
        }
    }

    #[test]
    fn values() {
        for (value, text) in [
            (0.97134, "0.9713"),
            (12.0, "12.0000"),
            (-0.5, "−0.5000"),
            (2.5e7, "2.500e7"),
            (1e-3, "1.000e−3"),
            (0.0, "0"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(percent(0.66781), "66.78 %");
    }

    #[test]
    fn rates() {
        for (value, text) in [
            (f64::from(1e-3f32), "0.001"),
            (3e-5, "3e−5"),
            (0.012_345_678, "0.0123457"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(rate(value), text);
        }
    }

    #[test]
    fn counts() {
        for (count, text) in [(0.0, "0"), (864.0, "864"), (1000.0, "1,000"), (1_234_567.0, "1,234,567")] {
            assert_eq!(grouped(count), text);
        }
    }
}
