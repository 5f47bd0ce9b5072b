//! What a network answers, as TensorBoard pictures: predictions, its most confident mistakes, the confusion matrix, and
//! precision over recall for each class.

use figures::{Confusion, SheetRow, Thumbnail, confusion_matrix, sheet};
use tensorboard::{PrCurve, Step, Writer};

use crate::Result;
use crate::data::Data;
use crate::evaluate::Answers;
use crate::scores::{Scores, probabilities};

/// Pictures of a sheet.
const PICTURES: usize = 12;

/// Writes the answers to the pictures at `places`, under tags that begin with `part`.
pub(super) fn write(
    writer: &mut Writer,
    part: &str,
    epoch: u64,
    data: &Data,
    places: &[usize],
    answers: &Answers,
) -> Result<()> {
    let classes = data.dataset.classes();
    let step = Step::from(epoch);
    let rows: Vec<Vec<f32>> = answers.logits.chunks_exact(classes.len().max(1)).map(probabilities).collect();
    let scores = Scores::of(classes, &answers.logits, &answers.labels)?;

    let confusion = Confusion { classes: classes.to_vec(), counts: scores.confusion.clone() };
    let title = format!("Confusion on the {part} part");
    let figure = confusion_matrix(&title, &format!("epoch {}", epoch + 1), &confusion)?;
    writer.image(format!("{part}_confusion"), step, &super::image(&figure)?)?;

    let shown: Vec<usize> = (0..rows.len()).take(PICTURES).collect();
    let mistakes: Vec<usize> =
        scores.most_confident_mistakes(PICTURES).into_iter().map(|mistake| mistake.index).collect();
    for (what, indices) in [("predictions", shown), ("mistakes", mistakes)] {
        if indices.is_empty() {
            continue;
        }
        let rows = answered(&indices, data, places, answers, &rows);
        let figure = sheet(&format!("{part}: {what}"), &format!("epoch {}", epoch + 1), &rows)?;
        writer.image(format!("{part}_{what}"), step, &super::image(&figure)?)?;
    }
    for (class, name) in classes.iter().enumerate() {
        let labels: Vec<bool> = answers.labels.iter().map(|&label| label as usize == class).collect();
        let sure: Vec<f32> = rows.iter().map(|row| row.get(class).copied().unwrap_or(0.0)).collect();
        if sure.iter().all(|p| (0.0..=1.0).contains(p)) && !sure.is_empty() {
            let curve = PrCurve::new(&labels, &sure).map_err(tensorboard::Error::from)?;
            writer.pr_curve(format!("{part}_pr/{name}"), step, &curve)?;
        }
    }
    Ok(())
}

/// A row a picture: what it is, what it was taken for, and how sure the network was.
fn answered(
    indices: &[usize],
    data: &Data,
    places: &[usize],
    answers: &Answers,
    rows: &[Vec<f32>],
) -> Vec<SheetRow> {
    let pictures = data.dataset.pictures();
    let shape = pictures.shape();
    let size = [shape.channels, shape.height, shape.width];
    let named = |class: usize| data.dataset.classes().get(class).map_or("?", String::as_str);
    indices
        .iter()
        .filter_map(|&index| {
            let (sure, class) = greatest(rows.get(index)?);
            let truth = *answers.labels.get(index)? as usize;
            let thumbnail = Thumbnail::of_planes(size, pictures.picture(*places.get(index)?))?;
            let name = match class == truth {
                true => format!("{} {:.0} %", named(truth), sure * 100.0),
                false => format!("{}, said {} {:.0} %", named(truth), named(class), sure * 100.0),
            };
            Some(SheetRow { name, pictures: vec![thumbnail] })
        })
        .collect()
}

fn greatest(row: &[f32]) -> (f32, usize) {
    row.iter()
        .zip(0..)
        .fold((f32::NEG_INFINITY, 0), |best, (&p, class)| if p > best.0 { (p, class) } else { best })
}
