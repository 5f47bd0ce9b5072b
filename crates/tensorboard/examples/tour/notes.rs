//! Words: Markdown and tables.

use std::path::Path;

use tensorboard::{Error, Table, Writer};

/// Text is Markdown.
pub(crate) fn text(folder: &Path) -> Result<(), Error> {
    let mut writer = Writer::create(folder.join("notes"))?;
    for step in 0..3 {
        let markdown =
            format!("# Step {step}\nAll of this is *made up*:\n\n- by formulas\n- in `examples/tour`\n");
        writer.text("diary", step, &markdown)?;
    }
    writer.close()
}

/// The cells of a table are shown as they are, whatever they would be in Markdown.
pub(crate) fn table(folder: &Path) -> Result<(), Error> {
    let mut writer = Writer::create(folder.join("layers"))?;
    let rows = [["conv2d", "(None, 30, 30, 32)", "896"], ["max_pooling2d", "(None, 15, 15, 32)", "0"]];
    writer.table("model", 0, &Table::new(["layer", "output shape", "parameters"], rows)?)?;
    let primes = [2, 3, 5, 7].map(|n: i32| [n, n.pow(2), n.pow(3)]);
    writer.table("powers", 0, &Table::new(["n", "n * n", "n * n * n"], primes)?)?;
    writer.close()
}
