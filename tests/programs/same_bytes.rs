//! Same seed, same bytes: what may change the model file, and what may not.

use crate::program::trainer;
use crate::run_files::md5;

/// The md5 of a run; `None` where this machine lacks the instruction set.
#[track_caller]
fn train(options: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let ended = trainer(folder.path(), &format!("--dataset shapes --run-dir run {options}"));
    if ended.code == Some(2) && ended.stderr.contains("this machine has no ") {
        return None;
    }
    ended.with(0);
    Some(md5(&folder.path().join("run")))
}

/// Trains with `settings`, then with each of `others` added; gives the md5 of all.
#[track_caller]
fn check_same(settings: &str, others: &[&str]) -> String {
    let expected = train(settings).unwrap();
    for other in others {
        if let Some(found) = train(&format!("{settings} {other}")) {
            assert_eq!(found, expected, "{settings} with {other}");
        }
    }
    expected
}

#[test]
fn threads_change_nothing_but_seed_and_augmentation_do() {
    // Batches of 32 and a short last one, shared unevenly by three and by seven threads.
    let settings = "--limit 300 --epochs 2";
    let threads = ["--threads 1", "--threads 2", "--threads 3", "--threads 4", "--threads 7"];
    let base = check_same(settings, &threads);
    check_same(settings, &["--seed 0", "--augment none"]);
    check_same("--limit 300 --epochs 2 --augment standard,cutout:8", &["--threads 1", "--threads 3"]);
    for other in ["--seed 1", "--augment flip", "--batch-size 31"] {
        assert_ne!(train(&format!("{settings} {other}")).unwrap(), base, "{other}");
    }
}

#[test]
fn threads_change_nothing_in_batches_of_several_waves() {
    let settings = "--limit 1100 --epochs 1 --batch-size 1000";
    check_same(settings, &["--threads 1", "--threads 2", "--threads 3", "--threads 4", "--threads 7"]);
}

#[test]
fn instruction_sets_change_nothing_with_any_threads() {
    // Few pictures: without fused multiply-add in hardware, as here for `portable`, a step takes a second.
    let settings = "--limit 40 --epochs 1";
    let others =
        ["avx512", "avx2"].map(|simd| [1, 2, 3, 4, 7].map(|n| format!("--simd {simd} --threads {n}")));
    let base = check_same(settings, &others.as_flattened().iter().map(String::as_str).collect::<Vec<_>>());
    for threads in [1, 3] {
        let portable = train(&format!("{settings} --simd portable --threads {threads}"));
        assert_eq!(portable.as_ref(), Some(&base), "every machine has portable; {threads} threads");
    }
}
