//! What a writer remembers of each tag; knows nothing of how values are written.

use std::collections::HashMap;

use crate::Error;
use crate::message::Summary;

/// The tags that a run has, and which plugin shows each.
#[derive(Debug, Default)]
pub(super) struct Tags(HashMap<Box<str>, Known>);

#[derive(Debug)]
struct Known {
    plugin: Box<str>,
    non_finite: NonFinite,
}

/// Whether the values of a tag ever had NaN or infinity among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NonFinite {
    Never,
    Seen,
}

impl Tags {
    /// Takes note of the tags of some values.
    ///
    /// # Errors
    /// If a tag is shown by another plugin already: TensorBoard goes by the first, and would not show the value.
    pub(super) fn note(&mut self, summary: &Summary) -> Result<(), Error> {
        for value in &summary.value {
            let plugin = value.plugin_name();
            match self.0.get(value.tag.as_str()) {
                // Some programs name the plugin only at the first value.
                _ if plugin.is_empty() => {}
                Some(known) if *known.plugin == *plugin => {}
                Some(known) => {
                    return Err(Error::TagOfAnotherPlugin {
                        tag: value.tag.clone(),
                        first: known.plugin.to_string(),
                        now: plugin.to_owned(),
                    });
                }
                None => {
                    let known = Known { plugin: plugin.into(), non_finite: NonFinite::Never };
                    self.0.insert(value.tag.as_str().into(), known);
                }
            }
        }
        Ok(())
    }

    /// Whether to report how many values of a tag were not finite: once some were, also that none are.
    pub(super) fn is_worth_reporting(&mut self, tag: &str, non_finite: u64) -> bool {
        let Some(known) = self.0.get_mut(tag) else { return non_finite > 0 };
        if non_finite > 0 {
            known.non_finite = NonFinite::Seen;
        }
        known.non_finite == NonFinite::Seen
    }
}
