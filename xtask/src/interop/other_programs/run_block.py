"""Runs a block of docs/other-programs.md on pictures, and prints as JSON how far its logits are from ours.

Arguments: the file with the block, the distributions whose versions are told, separated by commas. It runs in the
folder of an exported network, whose expected.safetensors has pictures and our logits. Printed are the versions and, for each
size of batch, the greatest difference and the greatest of our logits.
"""
import json
import os
import sys
from importlib.metadata import version

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
from safetensors.numpy import load_file

path, distributions = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    block = compile(file.read(), path, "exec")
expected = load_file("expected.safetensors")
differences = {}
for batch in (1, len(expected["images"])):
    names = {"images": expected["images"][:batch]}
    exec(block, names)
    theirs, ours = names["logits"], expected["logits"][:batch]
    assert theirs.shape == ours.shape, f"logits of shape {theirs.shape}, expected {ours.shape}"
    assert np.isfinite(theirs).all(), "logits that are not finite"
    differences[batch] = [float(abs(theirs - ours).max()), float(abs(ours).max())]
print(json.dumps({
    "versions": [f"{name} {version(name)}" for name in distributions.split(",")],
    "differences": differences,
}))
