//! Graphs of operations and of layers, with the nodes and edges that they must have.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use tensorboard::{Graph, Node, Writer};

use super::Kind;
use super::ask::{Ask, expect};

pub(super) const GRAPHS: Kind = Kind { name: "graphs", write, says };

/// As Keras' `model.to_json()` has them, as far as TensorBoard reads it.
const LAYERS: &str = r#"{"class_name": "Sequential", "config": {"name": "small", "layers": [
    {"class_name": "InputLayer", "config": {"name": "images", "dtype": "float32"}},
    {"class_name": "Dense", "config": {"name": "dense", "dtype": "float32"}}]}}"#;

fn write(folder: &Path) -> Result<()> {
    let mut writer = Writer::create(folder)?;
    writer.graph(&Graph::new([
        Node::new("images", "Placeholder").output(&[-1, 64]),
        Node::new("dense/kernel", "VariableV2").output(&[64, 10]),
        Node::new("dense/MatMul", "MatMul").input("images").input("dense/kernel").output(&[-1, 10]),
        Node::new("done", "NoOp").after("dense/MatMul"),
    ])?)?;
    writer.keras_model(LAYERS)?;
    Ok(writer.close()?)
}

fn says(ask: &Ask<'_>) -> Result<()> {
    let info: BTreeMap<String, Value> = ask.plugin("info")?;
    let tag = json!({ "tag": "keras", "conceptual_graph": true, "op_graph": false, "profile": false });
    let run = json!({ "run": "graphs", "run_graph": true, "tags": { "keras": tag } });
    expect("graphs", &info.get("graphs"), &Some(&run))?;

    let operations = nodes(&ask.text("graph", &[("conceptual", "false")])?);
    let node = |name: &str, inputs: &[&str], sizes: &[i64]| Shape {
        name: name.to_owned(),
        inputs: inputs.iter().map(ToString::to_string).collect(),
        sizes: sizes.to_vec(),
    };
    let expected = [
        node("images", &[], &[-1, 64]),
        node("dense/kernel", &[], &[64, 10]),
        node("dense/MatMul", &["images", "dense/kernel"], &[-1, 10]),
        node("done", &["^dense/MatMul"], &[]),
    ];
    expect("operations", &operations, &expected.to_vec())?;

    let layers = nodes(&ask.text("graph", &[("tag", "keras"), ("conceptual", "true")])?);
    let layers: Vec<(&str, &[String])> =
        layers.iter().map(|node| (node.name.as_str(), &node.inputs[..])).collect();
    expect("layers", &layers, &vec![("small/images", &[][..]), ("small/dense", &["small/images".to_owned()])])
}

/// A node, the nodes before it, and the sizes at the edges behind it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shape {
    name: String,
    inputs: Vec<String>,
    sizes: Vec<i64>,
}

/// The nodes of a `GraphDef` in protobuf's text form.
fn nodes(text: &str) -> Vec<Shape> {
    let mut nodes: Vec<Shape> = Vec::new();
    for line in text.lines() {
        if line == "node {" {
            nodes.push(Shape::default());
        }
        let Some(node) = nodes.last_mut() else { continue };
        let quoted =
            |start| line.strip_prefix(start).and_then(|rest| rest.strip_suffix('"')).map(str::to_owned);
        if let Some(name) = quoted("  name: \"") {
            node.name = name;
        }
        node.inputs.extend(quoted("  input: \""));
        node.sizes.extend(line.trim_start().strip_prefix("size: ").and_then(|size| size.parse::<i64>().ok()));
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_a_text() {
        let text = "node {\n  name: \"a\"\n  op: \"MatMul\"\n  input: \"x\"\n  input: \"^y\"\n  attr {\n    key: \"_output_shapes\"\n    \
                    value {\n      list {\n        shape {\n          dim {\n            size: -1\n          }\n        }\n      }\n    \
                    }\n  }\n}\nnode {\n  name: \"b\"\n}\nversions {\n  producer: 22\n}\n";
        let expected = [
            Shape { name: "a".into(), inputs: vec!["x".into(), "^y".into()], sizes: vec![-1] },
            Shape { name: "b".into(), ..Shape::default() },
        ];
        assert_eq!(nodes(text), expected);
        assert!(nodes("").is_empty());
    }
}
