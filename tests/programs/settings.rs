//! Options from a file, and networks from a file: what is said there counts, what is wrong there is named.

use std::fs;
use std::path::Path;

use crate::program::trainer;
use crate::run_files::{history, list, md5, setting};

const NETWORK: &str = "name = \"mine\"\n\n[[layers]]\ntype = \"conv2d\"\nfilters = 4\nkernel = 3\nactivation = \"relu\"\n\n\
    [[layers]]\ntype = \"flatten\"\n\n[[layers]]\ntype = \"dropout\"\nrate = 0.2\n\n[[layers]]\ntype = \"dense\"\n";

/// Runs a command that is refused with `code` and one line, which begins with "error: " and `expected`.
#[track_caller]
fn check_refused(folder: &Path, options: &str, code: i32, expected: &str) {
    let ended = trainer(folder, options).with(code);
    let expected = format!("error: {expected}");
    assert!(ended.stderr.starts_with(&expected), "{}\nis not\n{expected}", ended.stderr);
    assert_eq!((ended.stderr.lines().count(), ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
}

#[test]
fn a_file_has_options_and_the_command_line_wins() {
    let folder = tempfile::tempdir().unwrap();
    let text = "dataset = \"shapes\"\nlimit = 60\nepochs = 3\nlearning-rate = 0.01\nrun-dir = \"of-the-file\"\nquiet = true\n";
    fs::write(folder.path().join("mine.toml"), text).unwrap();
    let ended = trainer(folder.path(), "train --config mine.toml --epochs 1 --optimizer sgd").with(0);
    let run = folder.path().join("of-the-file");
    let of = |name: &str| setting(&run, "config.toml", &format!("config.{name}"));
    assert_eq!(history(&run).len(), 1);
    assert_eq!((of("learning-rate").as_float(), of("limit").as_integer()), (Some(0.01), Some(60)));
    assert_eq!(of("optimizer").as_str(), Some("sgd"));
    assert!(!ended.stdout.contains("Epoch"), "{}", ended.stdout);
}

#[test]
fn what_is_wrong_in_a_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str, expected: &str| {
        fs::write(folder.path().join("c.toml"), text).unwrap();
        check_refused(folder.path(), "train --config c.toml", 2, expected);
        assert_eq!(list(folder.path()), ["c.toml"]);
    };
    check("limit = 60\nepoch = 3\n", "c.toml: `epoch` is no option; did you mean `epochs`?");
    check("learning_rate = 3\n", "c.toml: `learning_rate` is no option; did you mean `learning-rate`?");
    check("xyzzy = 3\n", "c.toml: `xyzzy` is no option; see `trainer train --help`");
    check("resume = \"latest\"\n", "c.toml: `resume` is no option; ");
    let two = "c.toml: line 3: epochs: invalid type: string \"two\", expected u64";
    check("limit = 60\n\nepochs = \"two\"\n", two);
    check(
        "seed = 1\noptimizer = \"lion\"\n",
        "c.toml: line 2: optimizer: unknown variant `lion`, expected one of",
    );
    check(
        "limit = 60\ntime-limit = \"soon\"\n",
        "c.toml: line 2: time-limit: `soon` is no time; expected seconds",
    );
    check("limit = 60\nepochs = = 3\n", "c.toml: line 2: ");
    check("dataset = \"shapes\"\nepochs = 0\n", "--epochs is 0, expected at least 1");
    check_refused(folder.path(), "train --config nowhere.toml", 1, "cannot read nowhere.toml: ");
}

#[test]
fn the_configuration_of_a_run_alone_trains_the_same_network_again() {
    let folder = tempfile::tempdir().unwrap();
    let network = folder.path().join("net.toml");
    fs::write(&network, NETWORK).unwrap();
    let options = "--model net.toml --dataset shapes --limit 60 --epochs 2 --augment flip,shift:2 --seed 3 \
        --optimizer adamw --schedule cosine:0.1 --early-stopping 5 --clip-norm 1 --split 60,15,15";
    trainer(folder.path(), &format!("{options} --run-dir first")).with(0);
    fs::remove_file(&network).unwrap();
    let config = setting(&folder.path().join("first"), "config.toml", "config");
    assert_eq!(config["model"]["name"].as_str(), Some("mine"));
    trainer(folder.path(), "train --config first/config.toml --run-dir second").with(0);
    assert_eq!(md5(&folder.path().join("first")), md5(&folder.path().join("second")));
    assert_eq!(config, setting(&folder.path().join("second"), "config.toml", "config"));
}

#[test]
fn a_network_from_a_file_is_summed_up_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| fs::write(folder.path().join("net.toml"), text).unwrap();
    write(NETWORK);
    let ended = trainer(folder.path(), "summary --model net.toml --image-size 16 --classes 3").with(0);
    assert!(ended.stdout.starts_with("Model: \"mine\"\n"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("(None, 14, 14, 4)") && ended.stdout.contains("(None, 784)"),
        "{}",
        ended.stdout
    );
    let parameters = (3 * 9 + 1) * 4 + (784 + 1) * 3;
    assert!(ended.stdout.contains(&format!(
        " Total params: {},{:03} ",
        parameters / 1000,
        parameters % 1000
    )));

    let check = |from: &str, to: &str, code: i32, expected: &str| {
        assert!(NETWORK.contains(from));
        write(&NETWORK.replacen(from, to, 1));
        check_refused(folder.path(), "summary --model net.toml", code, expected);
        let train = "train --dataset shapes --limit 60 --model net.toml --run-dir run";
        check_refused(folder.path(), train, code, expected);
        assert!(!folder.path().join("run").exists());
    };
    check(
        "kernel = 3",
        "kernel = 40",
        1,
        "layer conv2d does not fit its input [32, 32, 3] (layer 1 of 4): a window of",
    );
    check("type = \"flatten\"", "type = \"batch_norm\"", 1, "layer dense does not fit its input ");
    check("filters", "flters", 2, "net.toml, line 3: unknown field `flters`, expected one of ");
    check("\"dropout\"", "\"dorpout\"", 2, "net.toml, line 13: unknown variant `dorpout`, expected one of ");
}
