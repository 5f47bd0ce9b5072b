//! Work on many things at once, on all cores; knows nothing of the work.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does `work` on each item, on as many threads as there are cores. Items are given out in order and none after
/// an error, so that of several bad ones the first is always tried.
///
/// # Errors
/// The error of the first item, in order, that has one.
pub(crate) fn each<T, E: Send>(
    items: impl IntoIterator<Item = T, IntoIter: Send>,
    work: impl Fn(T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let state = Mutex::new((items.into_iter().enumerate(), None::<(usize, E)>));
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let next = || {
        let (left, failed) = &mut *lock();
        if failed.is_some() { None } else { left.next() }
    };
    let worker = || {
        while let Some((i, item)) = next() {
            let Err(error) = work(item) else { continue };
            let failed = &mut lock().1;
            if failed.as_ref().is_none_or(|(first, _)| i < *first) {
                *failed = Some((i, error));
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        for _ in 1..cores {
            // Where the system gives no more threads, there are fewer.
            let _ = thread::Builder::new().spawn_scoped(scope, worker);
        }
        worker();
    });
    match state.into_inner().unwrap_or_else(PoisonError::into_inner).1 {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// [`each`] of what cannot fail.
pub(crate) fn each_certain<T>(items: impl IntoIterator<Item = T, IntoIter: Send>, work: impl Fn(T) + Sync) {
    let Ok(()) = each(items, |item| {
        work(item);
        Ok::<(), std::convert::Infallible>(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_done_once() {
        let mut values = vec![0; 1000];
        each_certain(values.iter_mut().enumerate(), |(i, value)| *value += i);
        assert!(values.into_iter().eq(0..1000));
        each_certain(std::iter::empty::<()>(), |()| ());
    }

    #[test]
    fn the_first_error_in_order_is_told() {
        for _ in 0..50 {
            let done = Mutex::new(Vec::new());
            let result = each(0..1000, |i| {
                done.lock().unwrap().push(i);
                if i == 20 {
                    // So that another thread meets 21 before.
                    thread::yield_now();
                }
                if [20, 21, 700].contains(&i) { Err(i) } else { Ok(()) }
            });
            assert_eq!(result, Err(20));
            let done = done.into_inner().unwrap();
            assert!((0..20).all(|i| done.contains(&i)) && !done.contains(&700), "{done:?}");
        }
    }
}
