"""Writes event files with PyTorch's SummaryWriter or with tensorboardX's, and prints how fast that was.

A rate counts from the making of a writer until it is closed, as a program has it that logs and ends. Histograms are
made with the writer's own buckets. Prints one line of JSON.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import shutil
import statistics
import time

TAGS = ["loss", "accuracy", "validation_loss", "validation_accuracy"]
VALUES = 65_536


def torch_writer():
    import torch
    from torch.utils.tensorboard import SummaryWriter

    torch.set_num_threads(1)
    return torch.__version__, SummaryWriter


def tensorboardx_writer():
    from tensorboardX import SummaryWriter

    return importlib.metadata.version("tensorboardX"), SummaryWriter


def add_scalars(writer, count):
    for step in range(count):
        writer.add_scalar(TAGS[step % len(TAGS)], 1.0 / (step + 1), step)


def add_histograms(writer, count, values):
    for step in range(count):
        writer.add_histogram("dense/kernel", values, step)


def measure(make, folder, count, repeats, add):
    """The rates, and the bytes on disk of one call."""
    rates = []
    for repeat in range(repeats):
        path = folder / f"run-{repeat}"
        began = time.perf_counter()
        writer = make(str(path))
        add(writer, count)
        writer.close()
        rates.append(count / (time.perf_counter() - began))
        size = sum(file.stat().st_size for file in path.iterdir())
        shutil.rmtree(path)
    return {"median": round(statistics.median(rates)), "all": [round(rate) for rate in rates]}, round(size / count)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("writer", choices=["torch", "tensorboardX"])
    parser.add_argument("folder", type=pathlib.Path, help="an empty folder to write in")
    parser.add_argument("scalars", type=int, help="scalars in a repeat")
    parser.add_argument("histograms", type=int, help="histograms in a repeat")
    parser.add_argument("repeats", type=int)
    options = parser.parse_args()

    # Before numpy is loaded: it makes its threads then.
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import numpy

    version, make = torch_writer() if options.writer == "torch" else tensorboardx_writer()
    values = numpy.random.default_rng(0).standard_normal(VALUES, dtype=numpy.float32)
    # What is loaded or made on first use does not count.
    measure(make, options.folder, 10, 1, lambda writer, count: add_histograms(writer, count, values))
    scalars, scalar_bytes = measure(make, options.folder, options.scalars, options.repeats, add_scalars)
    histograms, histogram_bytes = measure(
        make, options.folder, options.histograms, options.repeats,
        lambda writer, count: add_histograms(writer, count, values))
    print(json.dumps({
        "writer": options.writer,
        "version": version,
        "scalars": scalars,
        "histograms": histograms,
        "bytes_per_scalar": scalar_bytes,
        "bytes_per_histogram": histogram_bytes,
    }))


# tensorboardX starts a process of its own, which reads this file again on some systems.
if __name__ == "__main__":
    main()
