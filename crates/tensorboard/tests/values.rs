//! Values are written as TensorBoard's own Python writes them (TensorBoard 2.21), byte for byte. Each test has the
//! Python lines that made its bytes; where a maker asks for TensorFlow, a stand-in gave it the same names of
//! `tensorboard.compat`.

// Clippy knows the tests themselves, not the functions they share.
#![allow(clippy::panic, clippy::unwrap_used)]

use prost::Message;
use tensorboard::message::custom_scalars::{Category, Chart, Layout, MarginSeries};
use tensorboard::message::graph::GraphDef;
use tensorboard::message::hparams::{
    DatasetType, Experiment, HParamInfo, MetricInfo, SessionStartInfo, Status,
};
use tensorboard::message::{DataType, What};
use tensorboard::{Event, Graph, Mesh, Node, PrCurve, Step, Table, WallTime};

fn at() -> WallTime {
    WallTime::new(2.5).unwrap()
}

/// Checks the bytes of an event's `Summary`.
fn check(event: &Event, expected: &str) {
    let Some(What::Summary(summary)) = &event.what else { panic!("no summary: {event:?}") };
    assert_eq!(hex(&summary.encode_to_vec()), expected);
    assert_eq!(event.wall_time, 2.5);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn texts_and_tables() {
    // >>> from tensorboard.plugins.text.summary_v2 import text_pb
    // >>> text_pb("note", "a *b*", "what").SerializeToString().hex()
    check(
        &Event::text(at(), "note", Step(0), "a *b*").described("what"),
        "0a230a046e6f7465420b08071200420561202a622a4a0e0a060a04746578741a0477686174",
    );
    // >>> text_pb("table", np.array([["**name**", "**loss**"], ["a\\_b", "0.5"]])).SerializeToString().hex()
    let table = Table::new(["name", "loss"], [["a_b", "0.5"]]).unwrap();
    check(
        &Event::table(at(), "table", Step(0), &table),
        "0a3e0a057461626c65422b08071208120208021202080242082a2a6e616d652a2a42082a2a6c6f73732a2a42\
         04615c5f624203302e354a080a060a0474657874",
    );
}

#[test]
fn experiments_and_sessions() {
    // >>> from tensorboard.plugins.hparams import summary_v2 as hp, plugin_data_pb2, metadata, api_pb2
    // >>> hp.hparams_config_pb(
    // ...     [hp.HParam("lr", hp.RealInterval(0.25, 0.5), "rate", "how fast"),
    // ...      hp.HParam("batch", hp.Discrete([32, 64])), hp.HParam("opt", hp.Discrete(["adam", "sgd"])),
    // ...      hp.HParam("aug", hp.Discrete([False, True]))],
    // ...     [hp.Metric("epoch_accuracy", "validation", "accuracy", "share", hp.Metric.VALIDATION),
    // ...      hp.Metric("loss")]).SerializeToString().hex()
    let experiment = Experiment::new(
        [
            HParamInfo::interval("lr", 0.25, 0.5).unwrap().titled("rate").described("how fast"),
            HParamInfo::discrete("batch", [32, 64]).unwrap(),
            HParamInfo::discrete("opt", ["adam", "sgd"]).unwrap(),
            HParamInfo::discrete("aug", [false, true]).unwrap(),
        ],
        [
            MetricInfo::new("epoch_accuracy")
                .in_group("validation")
                .titled("accuracy")
                .described("share")
                .of(DatasetType::Validation),
            MetricInfo::new("loss"),
        ],
    );
    check(
        &Event::experiment(at(), &experiment),
        "0aec010a145f68706172616d735f2f6578706572696d656e7442060801120212004acb010ac8010a07687061\
         72616d7312bc0112b901222a0a026c721204726174651a08686f7720666173742003321209000000000000d0\
         3f11000000000000e03f22210a05626174636820032a160a091100000000000040400a091100000000000050\
         4022180a036f707420012a0f0a061a046164616d0a051a0373676422110a0361756720022a080a0220000a02\
         20012a310a1c0a0a76616c69646174696f6e120e65706f63685f61636375726163791a086163637572616379\
         2205736861726528022a080a0612046c6f7373",
    );
    // >>> hp.hparams_pb({"lr": 0.5}, trial_id="group", start_time_secs=2.5).SerializeToString().hex()
    let session = SessionStartInfo::new().with("lr", 0.5).in_group("group");
    check(
        &Event::session_start(at(), &session).unwrap(),
        "0a580a1c5f68706172616d735f2f73657373696f6e5f73746172745f696e666f42060801120212004a300a2e\
         0a0768706172616d7312231a210a0f0a026c72120911000000000000e03f220567726f757029000000000000\
         0440",
    );
    // >>> end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=2.5)
    // >>> data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    // >>> hp._summary_pb(metadata.SESSION_END_INFO_TAG, data).SerializeToString().hex()
    check(
        &Event::session_end(at(), Status::Success),
        "0a400a1a5f68706172616d735f2f73657373696f6e5f656e645f696e666f42060801120212004a1a0a180a07\
         68706172616d73120d220b0801110000000000000440",
    );
}

#[test]
fn meshes() {
    // >>> from tensorboard.plugins.mesh.summary_v2 import mesh_pb
    // >>> mesh_pb("m", np.array([[[0, 1, 2], [3, 4, 5.5], [0, 0, -1]]], np.float32),
    // ...         np.array([[[0, 1, 2]]], np.int32),
    // ...         np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 9]]], np.uint8)).SerializeToString().hex()
    let mesh = Mesh::new(&[[0.0, 1.0, 2.0], [3.0, 4.0, 5.5], [0.0, 0.0, -1.0]]).unwrap();
    let mesh = mesh.faces(&[[0, 1, 2]]).unwrap().colors(&[[255, 0, 0], [0, 255, 0], [0, 0, 9]]).unwrap();
    check(
        &Event::mesh(at(), "m", Step(0), &mesh),
        "0a5e0a086d5f56455254455842360801120c1202080112020803120208032224000000000000803f00000040\
         00004040000080400000b0400000000000000000000080bf4a1a0a180a046d657368121012016d18012a027b\
         7d3203010303380e0a440a066d5f46414345421e0803120c120208011202080112020803220c000000000100\
         0000020000004a1a0a180a046d657368121012016d18022a027b7d3203010103380e0a420a076d5f434f4c4f\
         52421b0804120c1202080112020803120208032209ff000000ff000000094a1a0a180a046d65736812101201\
         6d18032a027b7d3203010303380e",
    );
}

#[test]
fn layouts() {
    // >>> from tensorboard.plugins.custom_scalar.layout_pb2 import *
    // >>> from tensorboard.plugins.custom_scalar.summary import pb
    // >>> series = MarginChartContent.Series(value="mean", lower="low", upper="high")
    // >>> pb(Layout(category=[Category(title="losses", closed=True, chart=[
    // ...     Chart(title="both", multiline=MultilineChartContent(tag=["loss", "val.*"])),
    // ...     Chart(title="band", margin=MarginChartContent(series=[series]))])])).SerializeToString().hex()
    let charts = [
        Chart::lines("both", ["loss", "val.*"]),
        Chart::bands("band", [MarginSeries::new("mean", "low", "high")]),
    ];
    check(
        &Event::custom_scalars(at(), &Layout::new([Category::new("losses", charts).folded()])),
        "0a760a18637573746f6d5f7363616c6172735f5f636f6e6669675f5f4246080712004240123e0a066c6f7373\
         657312150a04626f7468120d0a046c6f73730a0576616c2e2a121b0a0462616e641a130a110a046d65616e12\
         036c6f771a046869676818014a120a100a0e637573746f6d5f7363616c617273",
    );
}

#[test]
fn precision_recall_curves() {
    // >>> from tensorboard.plugins.pr_curve.summary import pb
    // >>> labels = np.array([True, False, True, True, False, False, True])
    // >>> predictions = np.float32([0.9, 0.8, 0.35, 1.0, 0.0, 0.25, 0.7])
    // >>> pb("curve", labels, predictions, num_thresholds=5, display_name="").SerializeToString().hex()
    let labels = [true, false, true, true, false, false, true];
    let predictions = [0.9, 0.8, 0.35, 1.0, 0.0, 0.25, 0.7];
    let curve = PrCurve::with_thresholds(5, &labels, &predictions).unwrap();
    check(
        &Event::pr_curve(at(), "curve/pr_curves", Step(0), &curve),
        "0aad010a0f63757276652f70725f637572766573428601080112081202080612020805227800008040000080\
         4000004040000000400000803f00004040000000400000803f0000803f00000000000000000000803f000000\
         40000000400000404000000000000000000000803f00000040000040402549123fabaa2a3f0000403fabaa2a\
         3f0000803f0000803f0000803f0000403f0000003f0000803e4a110a0f0a0970725f63757276657312021005",
    );
    // >>> weights = np.float32([1, 0.5, 2, 0.25, 3, 1, 0.1]).astype(float)
    // >>> pb("curve", labels, predictions, num_thresholds=4, weights=weights,
    // ...    display_name="").SerializeToString().hex()
    let weights = [1.0, 0.5, 2.0, 0.25, 3.0, 1.0, 0.1];
    let curve = PrCurve::weighted(4, &labels, &predictions, &weights).unwrap();
    check(
        &Event::pr_curve(at(), "curve/pr_curves", Step(0), &curve),
        "0a94010a0f63757276652f70725f637572766573426e08011208120208061202080422606666564066665640\
         cdccac3f0000803e000090400000003f0000003f000000000000000000008040000080400000904000000000\
         0000000000000040666646402f7fda3ed5c05e3f91cf3a3f0000803f0000803f0000803f0f54ce3ef8d5983d\
         4a110a0f0a0970725f63757276657312021004",
    );
}

#[test]
fn graphs() {
    // >>> from tensorboard.compat.proto import graph_pb2, types_pb2
    // >>> g = graph_pb2.GraphDef()
    // >>> x = g.node.add(name="x", op="Placeholder"); x.attr["dtype"].type = types_pb2.DT_FLOAT
    // >>> s = x.attr["_output_shapes"].list.shape.add(); s.dim.add(size=-1); s.dim.add(size=3)
    // >>> c = g.node.add(name="a/conv", op="Conv2D", input=["x", "^b"], device="/device:CPU:0")
    // >>> c.attr["strides"].list.i.extend([1, 2]); c.attr["padding"].s = b"SAME"; c.attr["rate"].f = 0.5
    // >>> c.attr["bias"].b = True; c.attr["k"].i = 7; c.attr["names"].list.s.extend([b"u", b"v"])
    // >>> g.node.add(name="b", op="NoOp"); g.SerializeToString(deterministic=True).hex()
    let graph = Graph::new([
        Node::new("x", "Placeholder").attr("dtype", DataType::Float).output(&[-1, 3]),
        Node::new("a/conv", "Conv2D")
            .after("b")
            .input("x")
            .device("/device:CPU:0")
            .attr("strides", [1, 2])
            .attr("padding", "SAME")
            .attr("rate", 0.5)
            .attr("bias", true)
            .attr("k", 7)
            .attr("names", ["u", "v"]),
        Node::new("b", "NoOp"),
    ]);
    let graph = graph.unwrap();
    let expected = "0a460a0178120b506c616365686f6c6465722a270a0e5f6f75747075745f73686170657312150a133a11120b\
         08ffffffffffffffffff01120208032a0b0a056474797065120230010a83010a06612f636f6e761206436f6e\
         7632441a01781a025e62220d2f6465766963653a4350553a302a0a0a0462696173120228012a070a016b1202\
         18072a110a056e616d657312080a061201751201762a110a0770616464696e671206120453414d452a0d0a04\
         726174651205250000003f2a110a077374726964657312060a041a0201020a090a016212044e6f4f70";
    assert_eq!(hex(&graph.encode()), expected);
    assert_eq!(GraphDef::decode(graph.encode().as_slice()).unwrap(), *graph.as_message());
}
