use std::path::Path;
pub(crate) enum Outcome {
    Taken(Pictures),
    Missing(String),
}
pub(crate) struct Pictures {
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) tensorboard: String,
    pub(crate) browser: String,
}
pub(crate) fn take(_: &Path) -> anyhow::Result<Outcome> {
    Ok(Outcome::Missing("not merged yet".into()))
}
