//! Panics that somebody catches and makes an error of, kept off the screen; knows nothing of what panics.

use std::cell::Cell;
use std::panic;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Puts a hook before the present one, for [`quietly`] to have its effect. All other panics go on to that one.
pub(crate) fn install_hook() {
    let loud = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if QUIET.try_with(Cell::get).unwrap_or(false) {
            tracing::debug!("{panic}");
        } else {
            loud(panic);
        }
    }));
}

/// Runs `act`, which catches panics of its own: this thread's are logged for debugging, not printed. Those of
/// other threads are printed as ever.
pub(crate) fn quietly<T>(act: impl FnOnce() -> T) -> T {
    /// Sets back what was, also where `act` panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            QUIET.set(self.0);
        }
    }
    let _before = Before(QUIET.replace(true));
    act()
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    const OURS: &str = "of the test of panics";
    static PRINTED: AtomicUsize = AtomicUsize::new(0);

    fn break_down() {
        catch_unwind(|| panic!("{OURS}")).unwrap_err();
    }

    #[test]
    fn only_caught_panics_of_this_thread_are_quiet() {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // Other tests have panics, too.
            if panic.payload_as_str() == Some(OURS) {
                PRINTED.fetch_add(1, Ordering::SeqCst);
            } else {
                before(panic);
            }
        }));
        install_hook();
        let check = |printed| assert_eq!(PRINTED.swap(0, Ordering::SeqCst), printed);
        break_down();
        check(1);
        quietly(break_down);
        check(0);
        quietly(|| {
            quietly(break_down);
            break_down();
        });
        check(0);
        quietly(|| thread::spawn(break_down).join().unwrap());
        check(1);
        // After one that nobody caught inside.
        catch_unwind(|| quietly(|| panic!("{OURS}"))).unwrap_err();
        check(0);
        break_down();
        check(1);
    }
}
