//! Experiments of the HParams dashboard: which hyperparameters and metrics its table has, and the sessions that
//! are its rows.

use prost::Message;

use crate::event::plugin;
use crate::message::hparams::{
    Data, DatasetType, Domain, Experiment, HParamInfo, HParamType, HParamsPluginData, Interval, Kind,
    ListValue, MetricInfo, MetricName, SessionEndInfo, SessionStartInfo, Status, Value,
};
use crate::message::{DataType, PluginData, TensorProto};
use crate::{Event, InputError, Step, WallTime};

/// The plugin that shows the table.
const HPARAMS: &str = "hparams";
/// The tags that the plugin looks for.
const EXPERIMENT_TAG: &str = "_hparams_/experiment";
const SESSION_START_TAG: &str = "_hparams_/session_start_info";
const SESSION_END_TAG: &str = "_hparams_/session_end_info";

impl Experiment {
    /// The columns of the table.
    pub fn new(
        hparams: impl IntoIterator<Item = HParamInfo>,
        metrics: impl IntoIterator<Item = MetricInfo>,
    ) -> Self {
        let (hparam_infos, metric_infos) = (hparams.into_iter().collect(), metrics.into_iter().collect());
        Self { hparam_infos, metric_infos, ..Self::default() }
    }
}

impl HParamInfo {
    /// A hyperparameter that is a number from `min` to `max`.
    ///
    /// # Errors
    /// If one is not finite, or if they are the wrong way round.
    pub fn interval(name: impl Into<String>, min: f64, max: f64) -> Result<Self, InputError> {
        for (index, value) in [min, max].into_iter().enumerate() {
            check_finite(index, value)?;
        }
        if min > max {
            let expected = "at least the smallest number of the interval";
            return Err(InputError::Number { what: "value", index: 1, value: max, expected });
        }
        let domain = Domain::Interval(Interval { min_value: min, max_value: max });
        Ok(Self::with(name.into(), HParamType::Float64, domain))
    }

    /// A hyperparameter that is one of these values: numbers, texts, or yes and no.
    ///
    /// # Errors
    /// If there are no values, if they are of several kinds, and at numbers that are not finite.
    pub fn discrete(
        name: impl Into<String>,
        values: impl IntoIterator<Item = impl Into<Value>>,
    ) -> Result<Self, InputError> {
        let name = name.into();
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        let types: Vec<HParamType> = values
            .iter()
            .enumerate()
            .map(|(index, value)| checked_type(index, value))
            .collect::<Result<_, _>>()?;
        match types.first() {
            None => Err(InputError::Empty { what: "values of a hyperparameter" }),
            Some(first) if types.iter().any(|other| other != first) => {
                let problem = "has values of several kinds, expected one kind: numbers, texts, or yes and no";
                Err(InputError::Name { what: "hyperparameter", name, problem })
            }
            Some(&first) => Ok(Self::with(name, first, Domain::Discrete(ListValue { values }))),
        }
    }

    /// This hyperparameter with a heading of its own over its column.
    #[must_use]
    pub fn titled(self, title: impl Into<String>) -> Self {
        Self { display_name: title.into(), ..self }
    }

    /// This hyperparameter with an explanation in Markdown.
    #[must_use]
    pub fn described(self, markdown: impl Into<String>) -> Self {
        Self { description: markdown.into(), ..self }
    }

    fn with(name: String, kind: HParamType, domain: Domain) -> Self {
        Self { name, r#type: kind.into(), domain: Some(domain), ..Self::default() }
    }
}

impl MetricInfo {
    /// The last point of a curve in the folder of the session.
    pub fn new(tag: impl Into<String>) -> Self {
        Self { name: Some(MetricName { group: String::new(), tag: tag.into() }), ..Self::default() }
    }

    /// This metric in a folder below that of the session: `train`, `validation`.
    #[must_use]
    pub fn in_group(self, folder: impl Into<String>) -> Self {
        let tag = self.name.map(|name| name.tag).unwrap_or_default();
        Self { name: Some(MetricName { group: folder.into(), tag }), ..self }
    }

    /// This metric with a heading of its own over its column.
    #[must_use]
    pub fn titled(self, title: impl Into<String>) -> Self {
        Self { display_name: title.into(), ..self }
    }

    /// This metric with an explanation in Markdown.
    #[must_use]
    pub fn described(self, markdown: impl Into<String>) -> Self {
        Self { description: markdown.into(), ..self }
    }

    /// This metric with what it was measured on.
    #[must_use]
    pub fn of(self, dataset: DatasetType) -> Self {
        Self { dataset_type: dataset.into(), ..self }
    }
}

impl SessionStartInfo {
    /// A session without hyperparameters, which starts when it is written.
    pub fn new() -> Self {
        Self::default()
    }

    /// This session with the value of one more hyperparameter: a number, a text, or yes or no.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.hparams.insert(name.into(), value.into());
        self
    }

    /// This session as one of several with the same hyperparameters, which are one row of the table.
    #[must_use]
    pub fn in_group(self, name: impl Into<String>) -> Self {
        Self { group_name: name.into(), ..self }
    }
}

impl Event {
    /// The columns of the table of all sessions. TensorBoard takes the first one it finds in any folder.
    pub fn experiment(at: WallTime, experiment: &Experiment) -> Self {
        Self::hparams(at, EXPERIMENT_TAG, Data::Experiment(experiment.clone()))
    }

    /// The start of a session: a row of the table. The folder it is written in is the session; the curves of
    /// its metrics are there or in folders below.
    ///
    /// # Errors
    /// If the value of a hyperparameter is not finite, or is a list or nothing: the dashboard would fail.
    pub fn session_start(at: WallTime, session: &SessionStartInfo) -> Result<Self, InputError> {
        for (index, value) in session.hparams.values().enumerate() {
            checked_type(index, value)?;
        }
        let mut session = session.clone();
        if session.start_time_secs == 0.0 {
            session.start_time_secs = at.seconds();
        }
        Ok(Self::hparams(at, SESSION_START_TAG, Data::SessionStart(session)))
    }

    /// The end of a session.
    pub fn session_end(at: WallTime, status: Status) -> Self {
        let end = SessionEndInfo { status: status.into(), end_time_secs: at.seconds() };
        Self::hparams(at, SESSION_END_TAG, Data::SessionEnd(end))
    }

    /// The plugin reads the metadata alone; the tensor is the shortest there is.
    fn hparams(at: WallTime, tag: &str, data: Data) -> Self {
        let content = HParamsPluginData { version: 0, data: Some(data) };
        let plugin = PluginData { content: content.encode_to_vec(), ..plugin(HPARAMS) };
        Self::summary(at, tag, Step(0), TensorProto::with(DataType::Float, &[0], Vec::new()), plugin)
    }
}

/// The type of a value that the table can show.
fn checked_type(index: usize, value: &Value) -> Result<HParamType, InputError> {
    match &value.kind {
        Some(Kind::Number(number)) => check_finite(index, *number).map(|()| HParamType::Float64),
        Some(Kind::String(_)) => Ok(HParamType::String),
        Some(Kind::Bool(_)) => Ok(HParamType::Bool),
        other => {
            let name = other.as_ref().map_or_else(|| "none".to_owned(), |kind| format!("{kind:?}"));
            let problem = "is no number, text, or yes or no: give one of these";
            Err(InputError::Name { what: "the value of a hyperparameter,", name, problem })
        }
    }
}

fn check_finite(index: usize, value: f64) -> Result<(), InputError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(InputError::Number {
        what: "value",
        index,
        value,
        expected: "a finite number, or a text that says it",
    })
}

macro_rules! value_from {
    ($($from:ty => $kind:ident),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self { kind: Some(Kind::$kind(value.into())) }
            }
        })*
    };
}

value_from! {
    f32 => Number, f64 => Number, i32 => Number, u32 => Number, bool => Bool, &str => String, String => String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_the_dashboard_fails_on_are_errors() {
        let check = |error: InputError, expected: &str| assert_eq!(error.to_string(), expected);
        let at = WallTime::now();
        let session = SessionStartInfo::new().with("a", 1).with("b", f64::NAN);
        let not_finite = "value 1 is NaN, expected a finite number, or a text that says it";
        check(Event::session_start(at, &session).unwrap_err(), not_finite);
        let session = SessionStartInfo::new().with("a", Value { kind: None });
        let none =
            "the value of a hyperparameter, \"none\" is no number, text, or yes or no: give one of these";
        check(Event::session_start(at, &session).unwrap_err(), none);
        check(HParamInfo::interval("lr", 0.0, f64::NAN).unwrap_err(), not_finite);
        check(
            HParamInfo::interval("lr", 1.0, 0.5).unwrap_err(),
            "value 1 is 0.5, expected at least the smallest number of the interval",
        );
        check(
            HParamInfo::discrete("lr", [Value::from(1), "one".into()]).unwrap_err(),
            "hyperparameter \"lr\" has values of several kinds, expected one kind: numbers, texts, or yes and no",
        );
        check(
            HParamInfo::discrete("lr", [0.0; 0]).unwrap_err(),
            "no values of a hyperparameter: give at least one",
        );
    }

    #[test]
    fn types_follow_from_values() {
        let check = |info: Result<HParamInfo, InputError>, expected: HParamType| {
            assert_eq!(info.unwrap().r#type, i32::from(expected));
        };
        check(HParamInfo::discrete("a", ["adam", "sgd"]), HParamType::String);
        check(HParamInfo::discrete("a", [true, false]), HParamType::Bool);
        check(HParamInfo::discrete("a", [32, 64]), HParamType::Float64);
        check(HParamInfo::interval("a", 0.0, 0.0), HParamType::Float64);
    }
}
