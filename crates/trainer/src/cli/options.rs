//! Options that may also stand in a file: each is there or not, and the command line wins.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clap::{ArgMatches, Args, Command};
use serde::de::DeserializeOwned;
use toml::Spanned;
use trainer::{Error, Result};

/// Declares how one set of options goes over another: field by field, what is said first wins.
macro_rules! over {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $name {
            /// These options, and those of `other` where there are none.
            pub(crate) fn over(self, other: Self) -> Self {
                let Self { $($field),+ } = self;
                Self { $($field: $field.or(other.$field)),+ }
            }
        }
    };
}
pub(crate) use over;

/// Reads the options of a command from a TOML file, under their long names; a run's `config.toml` has them in its
/// table `config`.
///
/// # Errors
/// If the file cannot be read, an option is unknown or its value is not what it should be.
pub(crate) fn read<T: Args + DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).map_err(|cause| Error::Io {
        action: "read",
        path: path.to_owned(),
        cause,
    })?;
    read_text(path, &text)
}

fn read_text<T: Args + DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    let refuse = |reason: String| Error::Setting(format!("{}: {reason}", path.display()));
    let refused = |error: toml::de::Error| {
        let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        let line = line.map_or_else(String::new, |line| format!("line {line}: "));
        refuse(format!("{line}{}", error.message().replace('\n', "; ")))
    };
    let table: toml::Table = toml::from_str(text).map_err(refused)?;
    if let Some(toml::Value::Table(config)) = table.get("config") {
        let text = toml::to_string(config).map_err(|error| refuse(error.to_string()))?;
        return read_text(path, &text);
    }
    let known = names::<T>();
    if let Some(key) = table.keys().find(|key| !known.contains(key)) {
        let near = known.iter().map(|name| (strsim::jaro_winkler(key, name), name));
        let near = near.filter(|(likeness, _)| *likeness > 0.7).max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = match near {
            Some((_, name)) => format!("did you mean `{name}`?"),
            None => "see `trainer train --help` for what there is".to_owned(),
        };
        return Err(refuse(format!("`{key}` is no option; {hint}")));
    }
    toml::from_str(text).map_err(|error| match culprit::<T>(text, &table) {
        Some((line, key, error)) => {
            refuse(format!("line {line}: {key}: {}", error.message().replace('\n', "; ")))
        }
        None => refused(error),
    })
}

/// The first option whose value is not what it should be, its line, and why. Options that are flattened into one
/// struct have lost their lines by the time that they are read.
fn culprit<T: DeserializeOwned>(text: &str, table: &toml::Table) -> Option<(usize, String, toml::de::Error)> {
    let keys: BTreeMap<Spanned<String>, toml::Value> = toml::from_str(text).ok()?;
    let mut keys: Vec<_> = keys.into_keys().collect();
    keys.sort_by_key(|key| key.span().start);
    keys.into_iter().find_map(|key| {
        let line = 1 + text[..key.span().start].matches('\n').count();
        let key = key.into_inner();
        let alone = toml::Table::from_iter([(key.clone(), table.get(&key)?.clone())]);
        T::deserialize(alone).err().map(|error| (line, key, error))
    })
}

/// The long names of a command's options, but for those that only the command line has.
fn names<T: Args>() -> Vec<String> {
    let command = T::augment_args(Command::new(""));
    let arguments = command.get_arguments().filter_map(|argument| argument.get_long());
    arguments.filter(|name| !["config", "resume"].contains(name)).map(ToOwned::to_owned).collect()
}

/// The first of the named options that stands on the command line.
pub(crate) fn first_given<'a>(matches: &ArgMatches, names: &[&'a str]) -> Option<&'a str> {
    let given = |id: &&&str| matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
    names.iter().find(given).copied()
}
