//! Heights and widths in files of settings: one number where both are the same, else two.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number or two, height and width: 3 or [3, 5]")]
enum Form {
    Both(usize),
    Each([usize; 2]),
}

impl From<[usize; 2]> for Form {
    fn from(pair: [usize; 2]) -> Self {
        if pair[0] == pair[1] { Self::Both(pair[0]) } else { Self::Each(pair) }
    }
}

impl From<Form> for [usize; 2] {
    fn from(form: Form) -> Self {
        match form {
            Form::Both(size) => [size; 2],
            Form::Each(sizes) => sizes,
        }
    }
}

pub(super) fn serialize<S: Serializer>(pair: &[usize; 2], to: S) -> Result<S::Ok, S::Error> {
    Form::from(*pair).serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[usize; 2], D::Error> {
    Form::deserialize(from).map(Into::into)
}

/// The same for a pair that may be left out.
pub(super) mod optional {
    use super::{Deserialize, Deserializer, Form, Serialize, Serializer};

    pub(in crate::architecture) fn serialize<S: Serializer>(
        pair: &Option<[usize; 2]>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        pair.map(Form::from).serialize(to)
    }

    pub(in crate::architecture) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<[usize; 2]>, D::Error> {
        Form::deserialize(from).map(|form| Some(form.into()))
    }
}
