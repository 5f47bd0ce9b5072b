//! A table of a network's layers, as Keras prints it, with multiply-adds beside the parameters.

use std::fmt;

use crate::architecture::Architecture;

const HEADERS: [&str; 4] = ["Layer (type)", "Output Shape", "Param #", "Multiply-adds"];

/// Prints an [`Architecture`] as a table, with the totals below.
pub struct Summary<'a>(pub &'a Architecture);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 4]> = self
            .0
            .layers()
            .iter()
            .map(|layer| {
                let shape: Vec<String> = layer.output.iter().map(ToString::to_string).collect();
                [
                    format!("{} ({})", layer.name, layer.layer.keras_class()),
                    format!("(None, {})", shape.join(", ")),
                    thousands(layer.parameter_count() as u64),
                    thousands(layer.multiply_adds()),
                ]
            })
            .collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([HEADERS[column].len()]).max().unwrap_or(0)
        };
        let widths: [usize; 4] = std::array::from_fn(width);
        let rule = |f: &mut fmt::Formatter<'_>, ends: [char; 3], line: char| {
            let parts = widths.map(|width| line.to_string().repeat(width + 2));
            writeln!(f, "{}{}{}", ends[0], parts.join(&ends[1].to_string()), ends[2])
        };
        let cells = |f: &mut fmt::Formatter<'_>, bar: char, [name, shape, parameters, work]: [&str; 4]| {
            let [a, b, c, d] = widths;
            writeln!(f, "{bar} {name:a$} {bar} {shape:b$} {bar} {parameters:>c$} {bar} {work:>d$} {bar}")
        };

        writeln!(f, "Model: \"{}\"", self.0.name())?;
        rule(f, ['┏', '┳', '┓'], '━')?;
        cells(f, '┃', HEADERS)?;
        rule(f, ['┡', '╇', '┩'], '━')?;
        for (i, row) in rows.iter().enumerate() {
            if i > 0 {
                rule(f, ['├', '┼', '┤'], '─')?;
            }
            cells(f, '│', row.each_ref().map(String::as_str))?;
        }
        rule(f, ['└', '┴', '┘'], '─')?;
        let (trained, kept) = (self.0.trainable_count() as u64, self.0.buffer_count() as u64);
        let count = |n: u64| format!("{} ({})", thousands(n), bytes(n * 4));
        writeln!(f, " Total params: {}", count(trained + kept))?;
        writeln!(f, " Trainable params: {}", count(trained))?;
        writeln!(f, " Non-trainable params: {}", count(kept))?;
        write!(f, " Multiply-adds a picture: {}", thousands(self.0.multiply_adds()))
    }
}

/// As Keras writes sizes.
fn bytes(n: u64) -> String {
    let n = n as f64;
    match n {
        1_073_741_824.0.. => format!("{:.2} GB", n / 1_073_741_824.0),
        1_048_576.0.. => format!("{:.2} MB", n / 1_048_576.0),
        1024.0.. => format!("{:.2} KB", n / 1024.0),
        _ => format!("{n:.2} B"),
    }
}

/// `122570` as `122,570`.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tutorial_as_keras_prints_it() {
        let text = Summary(&Architecture::tutorial()).to_string();
        for line in [
            "Model: \"sequential\"",
            "│ conv2d (Conv2D)                │ (None, 30, 30, 32) │     896 │       777,600 │",
            "│ max_pooling2d_1 (MaxPooling2D) │ (None, 6, 6, 64)   │       0 │             0 │",
            " Total params: 122,570 (478.79 KB)",
            " Trainable params: 122,570 (478.79 KB)",
            " Non-trainable params: 0 (0.00 B)",
            " Multiply-adds a picture: 4,548,608",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\nnot in\n{text}");
        }
        let widths: Vec<usize> =
            text.lines().filter(|l| !l.starts_with([' ', 'M'])).map(|l| l.chars().count()).collect();
        assert!(widths.windows(2).all(|w| w[0] == w[1]), "{text}");
    }
}
