//! Hyperparameters and metrics of sessions, with the table that they must make.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use tensorboard::Writer;
use tensorboard::message::hparams::{
    DatasetType, Experiment, HParamInfo, MetricInfo, SessionStartInfo, Status,
};

use super::Kind;
use super::ask::{Ask, expect};

pub(super) const HPARAMS: Kind = Kind { name: "hparams", write, says };

/// Learning rate, optimizer, whether pictures are varied, last accuracy, how it ended.
const SESSIONS: [(f64, &str, bool, f32, Status); 2] =
    [(0.125, "adam", true, 0.75, Status::Success), (0.1, "sgd", false, 0.1, Status::Failure)];

fn write(folder: &Path) -> Result<()> {
    let mut writer = Writer::create(folder)?;
    writer.experiment(&Experiment::new(
        [
            HParamInfo::interval("learning_rate", 0.001, 0.5)?.titled("learning rate"),
            HParamInfo::discrete("optimizer", ["adam", "sgd"])?.described("Which *one*."),
            HParamInfo::discrete("augment", [false, true])?,
        ],
        [MetricInfo::new("accuracy").in_group("validation").titled("accuracy").of(DatasetType::Validation)],
    ))?;
    writer.close()?;
    for (number, (learning_rate, optimizer, augment, accuracy, status)) in SESSIONS.into_iter().enumerate() {
        let folder = folder.join(number.to_string());
        let mut writer = Writer::create(&folder)?;
        writer.session_start(
            &SessionStartInfo::new()
                .with("learning_rate", learning_rate)
                .with("optimizer", optimizer)
                .with("augment", augment),
        )?;
        let mut validation = Writer::create(folder.join("validation"))?;
        validation.scalar("accuracy", 0, 0.0)?;
        validation.scalar("accuracy", 5, accuracy)?;
        validation.close()?;
        writer.session_end(status)?;
        writer.close()?;
    }
    Ok(())
}

fn says(ask: &Ask<'_>) -> Result<()> {
    let experiment: Value = ask.post("experiment", &json!({ "experimentName": "" }))?;
    let names = |list: &Value, key: &str| -> Vec<Value> {
        list.as_array().into_iter().flatten().map(|info| info[key].clone()).collect()
    };
    // TensorBoard orders them by their names.
    let infos = &experiment["hparamInfos"];
    expect(
        "hyperparameters",
        &names(infos, "name"),
        &vec![json!("augment"), json!("learning_rate"), json!("optimizer")],
    )?;
    let types = ["DATA_TYPE_BOOL", "DATA_TYPE_FLOAT64", "DATA_TYPE_STRING"].map(Value::from);
    expect("their types", &names(infos, "type"), &types.to_vec())?;
    expect("title", &infos[1]["displayName"], &json!("learning rate"))?;
    expect("interval", &infos[1]["domainInterval"], &json!({ "minValue": 0.001, "maxValue": 0.5 }))?;
    expect("domain", &infos[2]["domainDiscrete"], &json!(["adam", "sgd"]))?;
    let metric = json!({ "group": "validation", "tag": "accuracy" });
    expect("metric", &names(&experiment["metricInfos"], "name"), &vec![metric.clone()])?;
    expect("of", &experiment["metricInfos"][0]["datasetType"], &json!("DATASET_VALIDATION"))?;

    let statuses = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"];
    let mut columns: Vec<Value> =
        ["learning_rate", "optimizer", "augment"].iter().map(|name| json!({ "hparam": name })).collect();
    columns.push(json!({ "metric": metric }));
    let question = json!({
        "experimentName": "", "startIndex": 0, "sliceSize": 10, "allowedStatuses": statuses,
        "colParams": columns,
    });
    let groups: Value = ask.post("session_groups", &question)?;
    let mut found: Vec<Value> = groups["sessionGroups"].as_array().into_iter().flatten().map(row).collect();
    found.sort_by_key(|row| row["name"].to_string());
    let expected = SESSIONS.iter().enumerate().map(|(number, &(learning_rate, optimizer, augment, accuracy, status))| {
        let hparams = json!({ "learning_rate": learning_rate, "optimizer": optimizer, "augment": augment });
        let status = if status == Status::Success { "STATUS_SUCCESS" } else { "STATUS_FAILURE" };
        let name = format!("hparams/{number}");
        json!({ "name": name, "hparams": hparams, "step": 5, "value": f64::from(accuracy), "status": status })
    });
    expect("sessions", &found, &expected.collect::<Vec<_>>())
}

/// What is compared of a group of one session.
fn row(group: &Value) -> Value {
    let metric = &group["metricValues"][0];
    json!({
        "name": group["name"], "hparams": group["hparams"], "step": metric["trainingStep"], "value": metric["value"],
        "status": group["sessions"][0]["status"],
    })
}
