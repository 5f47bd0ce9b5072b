//! Drawing from a list of pictures so that every class keeps its share.

use streams::{Purpose, Seed};

use crate::Dataset;

/// Draws `count` pictures of a part so that every class keeps its share (to within one picture): the drawn and
/// the others, both in the order of the part.
pub(super) fn draw(
    dataset: &Dataset,
    part: &[usize],
    count: usize,
    purpose: Purpose,
    seed: Seed,
) -> (Vec<usize>, Vec<usize>) {
    // Places in the part, by class.
    let mut by_class = vec![Vec::new(); dataset.classes().len()];
    for (place, &i) in part.iter().enumerate() {
        by_class[usize::from(dataset.pictures().label(i))].push(place);
    }
    let quotas = quotas(&by_class.iter().map(Vec::len).collect::<Vec<_>>(), count);
    let mut is_drawn = vec![false; part.len()];
    for (class, (mut members, quota)) in by_class.into_iter().zip(quotas).enumerate() {
        // The class takes the epoch's place in the stream's name.
        seed.stream(purpose, class as u64, 0).shuffle(&mut members);
        members.iter().take(quota).for_each(|&place| is_drawn[place] = true);
    }
    let of = |drawn| part.iter().zip(&is_drawn).filter(move |(_, d)| **d == drawn).map(|(&i, _)| i).collect();
    (of(true), of(false))
}

/// Shares `count` out in proportion to `sizes`: rounded down, and the rest to those that lost most by it
/// (Hamilton's method, the largest remainders), the first of equals.
pub(super) fn quotas(sizes: &[usize], count: usize) -> Vec<usize> {
    let total = sizes.iter().sum::<usize>().max(1) as u128;
    let ideal: Vec<u128> = sizes.iter().map(|&n| n as u128 * count as u128).collect();
    let mut quotas: Vec<usize> = ideal.iter().map(|x| (x / total) as usize).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(ideal[class] % total));
    let rest = count.min(total as usize) - quotas.iter().sum::<usize>();
    for &class in order.iter().take(rest) {
        quotas[class] += 1;
    }
    quotas
}
