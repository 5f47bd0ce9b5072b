//! A network as Keras describes it in JSON: what TensorBoard's conceptual graph is drawn from.

use serde_json::{Value, json};

use crate::architecture::{Activation, Architecture, Layer};

/// The JSON of a Keras `Sequential` model: class names, layer names, shapes and settings.
pub fn keras_json(architecture: &Architecture) -> String {
    let input: Vec<Value> =
        std::iter::once(Value::Null).chain(architecture.input().map(|side| json!(side))).collect();
    let mut layers = vec![json!({
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": input, "dtype": "float32", "sparse": false, "name": "input_layer"},
        "registered_name": null,
    })];
    layers.extend(architecture.layers().iter().map(|named| {
        let mut config = json!({"name": named.name, "trainable": true, "dtype": "float32"});
        for (key, value) in settings(&named.layer) {
            config[key] = value;
        }
        json!({
            "module": "keras.layers",
            "class_name": named.layer.keras_class(),
            "config": config,
            "registered_name": null,
        })
    }));
    json!({
        "module": "keras",
        "class_name": "Sequential",
        "config": {
            "name": architecture.name(),
            "trainable": true,
            "dtype": "float32",
            "layers": layers,
            "build_input_shape": input,
        },
        "registered_name": null,
    })
    .to_string()
}

fn settings(layer: &Layer) -> Vec<(&'static str, Value)> {
    let pool = |window: [usize; 2], stride: Option<[usize; 2]>| {
        vec![
            ("pool_size", json!(window)),
            ("strides", json!(stride.unwrap_or(window))),
            ("padding", json!("valid")),
            channels_last(),
        ]
    };
    match *layer {
        Layer::Conv2d { filters, kernel, stride, padding, bias, activation } => vec![
            ("filters", json!(filters)),
            ("kernel_size", json!(kernel)),
            ("strides", json!(stride)),
            ("padding", json!(padding)),
            channels_last(),
            ("activation", function(activation)),
            ("use_bias", json!(bias)),
        ],
        Layer::MaxPool2d { window, stride } | Layer::AvgPool2d { window, stride } => pool(window, stride),
        Layer::GlobalAvgPool2d | Layer::GlobalMaxPool2d => vec![channels_last(), ("keepdims", json!(false))],
        Layer::BatchNorm { momentum, epsilon } => vec![
            ("axis", json!(-1)),
            ("momentum", json!(momentum)),
            ("epsilon", json!(epsilon)),
            ("center", json!(true)),
            ("scale", json!(true)),
        ],
        Layer::Dropout { rate } => vec![("rate", json!(rate))],
        Layer::Flatten => vec![channels_last()],
        Layer::Dense { units, bias, activation } => {
            vec![("units", json!(units)), ("activation", function(activation)), ("use_bias", json!(bias))]
        }
        Layer::Activation { function: activation } => vec![("activation", function(activation))],
    }
}

fn channels_last() -> (&'static str, Value) {
    ("data_format", json!("channels_last"))
}

/// Keras' function of that name; its `leaky_relu` has another slope than its layer, which so is named itself.
fn function(activation: Activation) -> Value {
    match activation {
        Activation::LeakyRelu => json!({
            "module": "keras.layers",
            "class_name": "LeakyReLU",
            "config": {"negative_slope": 0.3},
            "registered_name": null,
        }),
        _ => json!(activation.keras_name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_has_what_tensorboard_reads() {
        let json: Value = serde_json::from_str(&keras_json(&Architecture::tutorial())).unwrap();
        let layers = json["config"]["layers"].as_array().unwrap();
        assert_eq!(layers.len(), 9);
        assert!(layers.iter().all(|l| l["class_name"].is_string() && l["config"]["name"].is_string()));
        assert_eq!(layers[3]["config"]["filters"], 64);
    }
}
