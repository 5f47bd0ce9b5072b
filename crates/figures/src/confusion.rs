//! Which class was taken for which, as a picture; knows nothing of how the classes were predicted.

use crate::axes::{self, AXIS_TITLE, HEADING, MARGIN};
use crate::canvas::{Anchor, Canvas, Frame, Line, Point, Type};
use crate::palette::{AXIS, FAINT_INK, GRID, RIGHT, Rgb, WRONG};
use crate::{Error, Figure, numbers};

/// How many pictures of each class were taken for which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Row by row, one count for each pair: the row is the true class, the column the predicted one.
    pub counts: Vec<u64>,
}

impl Confusion {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (classes, counts) = (self.classes.len(), self.counts.len());
        if classes.checked_mul(classes) == Some(counts) {
            Ok(())
        } else {
            Err(Error::Counts { classes, counts })
        }
    }

    /// The counts of each true class.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks(self.classes.len().max(1))
    }
}

/// The side of all cells together, at most.
const SIDE: f64 = 800.0;
/// The side of one cell.
const CELL: (f64, f64) = (4.0, 84.0);
/// The most that a class's name may take.
const NAME: f64 = 170.0;
/// Shades of a colour: more are not told apart.
const SHADES: u32 = 20;
/// Width of the key at the right, and of one of its bars.
const KEY: (f64, f64) = (190.0, 26.0);

/// Draws a confusion matrix: a row for each true class, a column for each predicted one. A cell is the darker the
/// larger its part of the row, blue where the class is the right one, orange where it is not; it tells its count
/// where there is room. A part's shade is that of its square root, so that a few mistakes in a hundred are seen.
///
/// # Errors
/// [`Error::Counts`] if there is not one count for each pair of classes.
pub fn confusion_matrix(title: &str, subtitle: &str, confusion: &Confusion) -> Result<Figure, Error> {
    confusion.check()?;
    let matrix = Matrix::new(confusion, Point { x: MARGIN, y: HEADING + 14.0 }, SIDE);
    let Frame { top, right, .. } = matrix.frame;
    let width = (right + 30.0 + KEY.0 + MARGIN).max(620.0);
    let height = (matrix.bottom() + 20.0).max(HEADING + 330.0);

    let mut canvas = Canvas::new(width.ceil() as u32, height.ceil() as u32);
    let room = width - 2.0 * MARGIN;
    axes::heading(&mut canvas, title, room, subtitle, room);
    matrix.draw(&mut canvas);
    key(&mut canvas, Point { x: right + 30.0, y: top });
    Ok(canvas.finish())
}

/// Draws a confusion matrix whose counts were checked into `area`, without the key to its shades.
pub(crate) fn small_matrix(canvas: &mut Canvas, area: Frame, confusion: &Confusion) {
    let corner = Point { x: area.left, y: area.top };
    let (width, height) = (area.right - area.left, area.bottom - area.top);
    // What the names take depends on the size of the cells: a second try knows it.
    let mut side = width.min(height);
    for _ in 0..3 {
        let matrix = Matrix::new(confusion, corner, side);
        let over = (matrix.frame.right - area.right).max(matrix.bottom() - area.bottom);
        if over > 0.0 {
            side = (matrix.frame.right - matrix.frame.left - over).max(0.0);
        }
    }
    Matrix::new(confusion, corner, side).draw(canvas);
}

/// The shade of a part of a row, from 0 to [`SHADES`]; only nothing has none.
fn shade(part: f64) -> u32 {
    if part > 0.0 {
        (part.sqrt() * f64::from(SHADES)).round().clamp(1.0, f64::from(SHADES)) as u32
    } else {
        0
    }
}

fn colour(full: Rgb, shade: u32) -> Rgb {
    full.shade(f64::from(shade) / f64::from(SHADES))
}

struct Matrix<'a> {
    confusion: &'a Confusion,
    /// Where the title of the rows begins.
    left: f64,
    frame: Frame,
    cell: f64,
    names: Type,
    /// Whether the names of the columns read from below upwards.
    upright: bool,
    /// What the names of the columns take below the frame.
    below: f64,
}

impl Matrix<'_> {
    /// A matrix with names and titles right of and below `corner`, whose cells together have at most this side.
    fn new(confusion: &Confusion, corner: Point, side: f64) -> Matrix<'_> {
        let classes = confusion.classes.len();
        let cell = (side / classes.max(1) as f64).floor().clamp(CELL.0, CELL.1);
        let names = Type::regular((cell * 0.9).clamp(7.0, 15.0));
        let longest = confusion.classes.iter().map(|name| names.width(name).min(NAME)).fold(0.0, f64::max);
        let (left, top) = (corner.x + 30.0 + longest + 12.0, corner.y);
        let side = cell * classes as f64;
        let upright = longest > cell - 8.0;
        Matrix {
            confusion,
            left: corner.x,
            frame: Frame { left, top, right: left + side, bottom: top + side },
            cell,
            names,
            upright,
            below: if upright { longest } else { names.size } + 20.0,
        }
    }

    /// Where the title of the columns ends.
    fn bottom(&self) -> f64 {
        self.frame.bottom + self.below + 26.0
    }

    fn draw(&self, canvas: &mut Canvas) {
        self.cells(canvas);
        self.grid(canvas);
        self.counts(canvas);
        self.names(canvas);
        let Frame { left, top, right, bottom } = self.frame;
        let middle = Point { x: f64::midpoint(left, right), y: bottom + self.below + 20.0 };
        canvas.text(middle, Anchor::Middle, AXIS_TITLE, "predicted");
        let beside = Point { x: self.left + 10.0, y: f64::midpoint(top, bottom) };
        canvas.text_upwards(beside, Anchor::Middle, AXIS_TITLE, "truth");
    }

    /// Row, column, count and part of the row of every cell that has a count.
    fn filled(&self) -> impl Iterator<Item = (usize, usize, u64, f64)> {
        self.confusion.rows().enumerate().flat_map(|(row, counts)| {
            let total: f64 = counts.iter().map(|&count| count as f64).sum();
            let filled = counts.iter().copied().enumerate().filter(|&(_, count)| count > 0);
            filled.map(move |(column, count)| (row, column, count, count as f64 / total))
        })
    }

    fn place(&self, row: usize, column: usize) -> Frame {
        let (left, top) =
            (self.frame.left + self.cell * column as f64, self.frame.top + self.cell * row as f64);
        Frame { left, top, right: left + self.cell, bottom: top + self.cell }
    }

    fn cells(&self, canvas: &mut Canvas) {
        for full in [WRONG, RIGHT] {
            for wanted in 1..=SHADES {
                let of_shade = self.filled().filter(|&(row, column, _, part)| {
                    (row == column) == (full == RIGHT) && shade(part) == wanted
                });
                let frames: Vec<Frame> = of_shade.map(|(row, column, ..)| self.place(row, column)).collect();
                if !frames.is_empty() {
                    canvas.rectangles(&frames, colour(full, wanted));
                }
            }
        }
    }

    /// Lines between the cells where these are not too small for it, and around them all.
    fn grid(&self, canvas: &mut Canvas) {
        let Frame { left, top, right, bottom } = self.frame;
        let classes = self.confusion.classes.len();
        let every = if self.cell >= 14.0 { 1 } else { 10 };
        for index in (0..=classes).filter(|&index| index == classes || index.is_multiple_of(every)) {
            let along = self.cell * index as f64;
            let line = if index == 0 || index == classes { AXIS } else { GRID };
            let (x, y) = (left + along, top + along);
            canvas.polyline(&[Point { x, y: top }, Point { x, y: bottom }], Line::Solid, 1.0, line);
            canvas.polyline(&[Point { x: left, y }, Point { x: right, y }], Line::Solid, 1.0, line);
        }
    }

    /// The counts, in one size for all; none where the longest has no room.
    fn counts(&self, canvas: &mut Canvas) {
        let Some(most) = self.confusion.counts.iter().max() else { return };
        let longest = numbers::grouped(*most as f64);
        let room = self.cell - 6.0;
        let Some(style) = [16.0, 14.0, 12.0, 10.0, 9.0, 8.0]
            .map(Type::regular)
            .into_iter()
            .find(|style| style.width(&longest) <= room && style.size * 1.6 <= self.cell)
        else {
            return;
        };
        for (row, column, count, _) in self.filled() {
            let Frame { left, top, right, bottom } = self.place(row, column);
            let middle =
                Point { x: f64::midpoint(left, right), y: f64::midpoint(top, bottom) + style.size * 0.36 };
            canvas.text(middle, Anchor::Middle, style, &numbers::grouped(count as f64));
        }
    }

    fn names(&self, canvas: &mut Canvas) {
        let style = self.names;
        // Where cells are smaller than letters, not every class has room for its name.
        let every = (style.size / self.cell).ceil().max(1.0) as usize;
        for (index, name) in self.confusion.classes.iter().enumerate().step_by(every) {
            let name = style.fitted(name, NAME);
            let middle = self.cell * (index as f64 + 0.5);
            let drop = style.size * 0.36;
            let row = Point { x: self.frame.left - 10.0, y: self.frame.top + middle + drop };
            canvas.text(row, Anchor::End, style, &name);
            let (x, y) = (self.frame.left + middle, self.frame.bottom + 10.0);
            if self.upright {
                canvas.text_upwards(Point { x: x + drop, y }, Anchor::End, style, &name);
            } else {
                canvas.text(Point { x, y: y + style.size }, Anchor::Middle, style, &name);
            }
        }
    }
}

/// What the shades stand for.
fn key(canvas: &mut Canvas, corner: Point) {
    const STEP: f64 = 11.0;
    let small = Type::regular(14.0);
    let style = small.coloured(FAINT_INK);
    canvas.text(Point { x: corner.x, y: corner.y + 12.0 }, Anchor::Start, small, "part of the row");
    let top = corner.y + 28.0;
    for shade in 1..=SHADES {
        let y = top + STEP * f64::from(SHADES - shade);
        for (column, full) in [RIGHT, WRONG].into_iter().enumerate() {
            let left = corner.x + KEY.1 * column as f64;
            let frame = Frame { left, top: y, right: left + KEY.1, bottom: y + STEP };
            canvas.rectangle(frame, colour(full, shade));
        }
    }
    let bottom = top + STEP * f64::from(SHADES);
    let right = corner.x + 2.0 * KEY.1;
    for part in [1.0, 0.5, 0.25, 0.1, 0.02] {
        let y = top + (bottom - top) * (1.0 - f64::sqrt(part));
        canvas.polyline(&[Point { x: right, y }, Point { x: right + 6.0, y }], Line::Solid, 1.5, AXIS);
        let text = format!("{} %", numbers::fixed(part * 100.0, 0));
        canvas.text(Point { x: right + 11.0, y: y + 5.0 }, Anchor::Start, style, &text);
    }
    for (row, (full, text)) in [(RIGHT, "right"), (WRONG, "wrong")].into_iter().enumerate() {
        let y = bottom + 20.0 + 24.0 * row as f64;
        canvas.rectangle(Frame { left: corner.x, top: y, right: corner.x + 16.0, bottom: y + 16.0 }, full);
        canvas.text(Point { x: corner.x + 24.0, y: y + 13.0 }, Anchor::Start, small, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::assert_drawable;

    fn confusion(classes: usize) -> Confusion {
        Confusion {
            classes: (0..classes).map(|i| format!("class <{i}> of {classes}")).collect(),
            counts: (0..classes * classes)
                .map(|i| if i / classes == i % classes { 800 } else { (i * 37 % 11) as u64 })
                .collect(),
        }
    }

    #[test]
    fn any_number_of_classes_can_be_drawn() {
        for classes in [0, 1, 2, 3, 10, 37, 100, 300] {
            assert_drawable(&confusion_matrix("Confusion", "cifar10", &confusion(classes)).unwrap());
        }
    }

    #[test]
    fn counts_stand_where_there_is_room() {
        let drawn =
            |classes| confusion_matrix("", "", &confusion(classes)).unwrap().svg().contains(">800</text>");
        assert_eq!([10, 20, 100].map(drawn), [true, true, false]);
    }

    #[test]
    fn an_empty_row_and_huge_counts_are_drawn() {
        let classes = ["a", "b"].map(str::to_owned).to_vec();
        let odd = Confusion { classes, counts: vec![0, 0, u64::MAX, u64::MAX] };
        assert_drawable(&confusion_matrix("", "", &odd).unwrap());
    }

    #[test]
    fn another_number_of_counts_is_an_error() {
        let short = Confusion { classes: vec!["a".to_owned(); 3], counts: vec![1; 8] };
        let error = confusion_matrix("", "", &short).unwrap_err();
        assert!(matches!(error, Error::Counts { classes: 3, counts: 8 }), "{error}");
    }

    #[test]
    fn a_part_has_a_shade_unless_it_is_nothing() {
        assert_eq!([0.0, 1e-9, 0.01, 0.25, 1.0].map(shade), [0, 1, 2, 10, 20]);
    }
}
