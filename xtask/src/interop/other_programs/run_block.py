"""Runs a block of docs/other-programs.md on pictures, and prints as JSON how far its logits are from ours.

Arguments: the file with the block, the distributions whose versions are told, separated by commas, and folders of
exported networks, whose expected.safetensors has pictures and our logits. Printed are the versions and, for each folder and
each size of batch, the greatest difference and the greatest of our logits.
"""
import json
import os
import sys
from importlib.metadata import version

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
from safetensors.numpy import load_file

path, distributions, *folders = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    block = compile(file.read(), path, "exec")
here = os.getcwd()
differences = {}
for folder in folders:
    # The block opens files by their names alone.
    os.chdir(os.path.join(here, folder))
    expected = load_file("expected.safetensors")
    of_batches = differences[folder] = {}
    for batch in (1, len(expected["images"])):
        names = {"images": expected["images"][:batch]}
        exec(block, names)
        theirs, ours = names["logits"], expected["logits"][:batch]
        assert theirs.shape == ours.shape, f"{folder}: logits of shape {theirs.shape}, expected {ours.shape}"
        assert np.isfinite(theirs).all(), f"{folder}: logits that are not finite"
        of_batches[batch] = [float(abs(theirs - ours).max()), float(abs(ours).max())]
print(json.dumps({
    "versions": [f"{name} {version(name)}" for name in distributions.split(",")],
    "differences": differences,
}))
