//! A run packed, verified, and trained again by the real trainer; knows nothing of what is in an archive.

use std::path::Path;

use anyhow::Result;

use super::short_run::ShortRun;
use crate::check::Check;
use crate::finished_run::FinishedRun;
use crate::submission::{Languages, Packing, pack};
use crate::verification::{self, Retraining};

/// Packs a run and makes every check of `verify-submission --retrain` on it. The run was killed and taken up, and a run
/// that nobody stopped must bring the same model.
pub(super) fn checks(run: &ShortRun) -> Vec<Check> {
    match packed_and_verified(&run.folder(), &run.temp().join("submission.zip")) {
        Ok(checks) => checks,
        Err(error) => vec![Check::new("submission: the run is packed", Err(format!("{error:#}")))],
    }
}

fn packed_and_verified(run: &Path, out: &Path) -> Result<Vec<Check>> {
    let packing = Packing {
        out: Some(out.to_owned()),
        lang: Languages::Both,
        // Whatever state the workspace is in.
        allow_dirty: true,
        max_size: 20,
    };
    let archive = pack(&FinishedRun::open(run)?, &packing, &crate::workspace_root())?.path;
    let retraining = Retraining { data_dir: "data".into(), dataset: None };
    let mut checks = Vec::new();
    verification::checks(&archive, Some(&retraining), &mut |check| checks.push(check.of("submission")));
    Ok(checks)
}
