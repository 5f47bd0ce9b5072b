//! The page in English.

use std::fmt::Write;

use super::Page;
use crate::submission::origin::State;

/// The whole page, as Markdown.
pub(super) fn text(page: &Page<'_>) -> String {
    let (data, results) = (&page.run.data, &page.run.results);
    let mut text = format!(
        "# A convolutional network on {}\n\n\
         Test accuracy **{}**, test loss {:.4}: {} test pictures, {}.\n\n\
         ## What the assignment asks for\n\n",
        data.description,
        percent(results.test_accuracy),
        results.test_loss,
        data.test,
        match page.run.config.validation.as_str() {
            "test" =>
                "which validation watched in every epoch (the tutorial's own protocol), so this is no judgement by \
                 unseen pictures",
            _ => "looked at once, after training",
        }
    );
    text += &program(page);
    text += &format!(
        "### 2. The md5 of the model file\n\n    {}  model.safetensors\n\n\
         `cd run && md5sum -c model.safetensors.md5` checks it. On the CPU the same program, settings, seed and pictures \
         give this very file again, on any machine.\n\n",
        results.model_md5
    );
    text += &histograms(page);
    text += &accuracy(page);
    text += &diagnosis(page);
    text += &training(page);
    text += &archive(page);
    text
}

fn program(page: &Page<'_>) -> String {
    let program = &page.origin.program;
    let revision = program.revision.as_deref().unwrap_or("none");
    let state = match program.state {
        State::Committed => format!("It is git commit `{revision}`."),
        State::Changed => format!("It is git commit `{revision}` with the changes in `program.diff`."),
        State::Unknown => "It was packed without a git repository.".to_owned(),
    };
    format!(
        "### 1. The program\n\n`program/` has all of it, in Rust, with `Cargo.lock`. {state} It was packed where {} and {} \
         are installed ({}). The run was started as\n\n    {}\n\n",
        program.rustc,
        program.cargo,
        program.host,
        page.command()
    )
}

fn histograms(page: &Page<'_>) -> String {
    let mut text = "### 3. How the weight histograms of each layer changed\n\n\
                    | weights | number | after the first epoch | spread | after the last epoch | spread |\n\
                    | --- | ---: | --- | ---: | --- | ---: |\n"
        .to_owned();
    for layer in &page.layers {
        let [first, last] = layer.ends;
        let _ = writeln!(
            text,
            "| {} | {} | {:.3} to {:.3} | {:.4} | {:.3} to {:.3} | {:.4} |",
            layer.name,
            layer.values,
            first.smallest,
            first.largest,
            first.deviation,
            last.smallest,
            last.largest,
            last.deviation
        );
    }
    text += "\nSpread is the standard deviation. In the pictures the first epoch is at the back, the last in front.\n\n";
    for layer in page.pictured_layers() {
        let Some(chosen) = page.chosen(&format!("histograms-{layer}")) else { continue };
        let _ = write!(text, "#### {layer}\n\n![Weight histograms of {layer} over the epochs]({chosen})\n\n");
        let [taken, own] = page.more_of(layer);
        let _ = match taken.as_str() {
            "" => write!(text, "More, of our own: {own}\n\n"),
            taken => write!(text, "More, of TensorBoard: {taken}; of our own: {own}\n\n"),
        };
    }
    text
}

fn accuracy(page: &Page<'_>) -> String {
    let mut text = "### 4. Accuracy over the epochs\n\n".to_owned();
    if let Some(chosen) = page.chosen("accuracy") {
        let _ = write!(text, "![Accuracy over the epochs]({chosen})\n\n");
    }
    if let (Some(best), Some(last)) = (page.run.best_epoch(), page.last_epoch()) {
        let _ = write!(
            text,
            "The best validation accuracy was {} in epoch {} of {}; training accuracy was {} then. In the last epoch \
             validation accuracy was {} and training accuracy {}.\n\n",
            percent(best.val_accuracy.into()),
            best.number,
            page.run.history.len(),
            percent(best.accuracy.into()),
            percent(last.val_accuracy.into()),
            percent(last.accuracy.into()),
        );
    }
    text + "Other pictures: " + &page.of_no_layer() + "\n\n"
}

fn diagnosis(page: &Page<'_>) -> String {
    let diagnosis = &page.run.results.diagnosis;
    let verdict = match diagnosis.verdict.as_str() {
        "overfitting" => "The network overfits: it learns its training pictures by heart.",
        "underfitting" => "The network underfits: it has not learned what there is to learn.",
        "unstable" => "Training is unstable.",
        "healthy" => "Training is healthy: neither overfitting nor underfitting is seen.",
        "too-short" => "There are too few epochs to tell over- from underfitting.",
        other => other,
    };
    let mut text = format!("## Over- or underfitting?\n\n**{verdict}**\n\n");
    for sentence in &diagnosis.evidence {
        let _ = writeln!(text, "- {sentence}");
    }
    for sentence in &diagnosis.advice {
        let _ = writeln!(text, "- What to do: {sentence}");
    }
    text + "\n"
}

fn training(page: &Page<'_>) -> String {
    let (config, data) = (&page.run.config, &page.run.data);
    let [train, validation, test] = page.shares().map(percent);
    format!(
        "## How it was trained\n\n| | |\n| --- | --- |\n\
         | pictures | {} |\n\
         | their fingerprint (SHA-256) | `{}` |\n\
         | training, validation, test | {} ({train}), {} ({validation}), {} ({test}) |\n\
         | validation | after every epoch, {} |\n\
         | augmentation | {} |\n\
         | network | {} |\n\
         | settings | {} epochs, batches of {}, {}, learning rate {}, seed {} |\n\
         | weights in the model file | those of epoch {} |\n\
         | time | {:.0} s on the {} |\n\n",
        data.description,
        data.fingerprint,
        data.train,
        data.validation,
        data.test,
        match config.validation.as_str() {
            "test" => "on the test pictures",
            _ => "on pictures held out of the training ones",
        },
        config.augment,
        config.model,
        config.epochs,
        config.batch_size,
        config.optimizer,
        config.learning_rate,
        config.seed,
        page.run.results.weights_of_epoch,
        page.run.results.seconds,
        config.device,
    )
}

fn archive(page: &Page<'_>) -> String {
    let tensorboard = page.origin.tensorboard.as_ref().map_or_else(String::new, |about| {
        format!(
            "| `pictures/tensorboard/` | taken from TensorBoard {} in {} |\n",
            about.version, about.browser
        )
    });
    format!(
        "## What is in this archive\n\n| | |\n| --- | --- |\n\
         | `program/` | the program |\n\
         | `run/` | the run named {}: `config.toml` (every setting), `history.csv` (every epoch), `results.toml` (the final \
         test), `model.safetensors` and its md5, event files (`tensorboard --logdir run`), `report.html` (all on one \
         page) |\n\
         | `pictures/` | drawn from the event files, the same bytes on every machine |\n{tensorboard}\
         | `submission.toml`, `SHA256SUMS` | where it is from; every file's SHA-256 |\n\n\
         `cargo xtask verify-submission FILE.zip`, in `program/` or in a checkout of it, checks all of this; with \
         `--retrain` it trains again and compares the model's md5.\n",
        page.origin.run.name
    )
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}
