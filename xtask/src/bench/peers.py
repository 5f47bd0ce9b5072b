"""Trains the CIFAR-10 network of the Keras tutorial on random pictures, in PyTorch or in Keras on TensorFlow.

Prints one line of JSON: pictures a second of every repeat, after ten steps that do not count. What is measured is
a step as it is written in that framework: forward, backward and Adam; in Keras `fit`, which also has the accuracy.
"""

import argparse
import json
import os
import statistics
import sys
import time

WARM_UP = 10
IMAGES = 6400
MATRIX = 1024


def torch_work(batch, threads):
    """Steps on one batch in the layout that is fastest on a CPU, with the fused form of Adam."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 10),
    ).to(memory_format=torch.channels_last)
    images = torch.rand(batch, 3, 32, 32).to(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,))
    loss_of = nn.CrossEntropyLoss()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)

    def steps(count):
        for _ in range(count):
            adam.zero_grad(set_to_none=True)
            loss_of(model(images), labels).backward()
            adam.step()

    matrix = torch.rand(MATRIX, MATRIX)
    return torch.__version__, steps, lambda: matrix @ matrix


def keras_work(batch, threads):
    """`fit` on pictures in memory."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import numpy
    import tensorflow
    from keras import layers

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    model = keras.Sequential([
        keras.Input((32, 32, 3)),
        layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10),
    ])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3, epsilon=1e-7), loss, metrics=["accuracy"])
    random = numpy.random.default_rng(0)
    count = max(IMAGES, WARM_UP * batch)
    images = random.random((count, 32, 32, 3), dtype=numpy.float32)
    labels = random.integers(10, size=(count, 1))

    def steps(count):
        model.fit(images[:count * batch], labels[:count * batch], batch_size=batch, verbose=0)

    matrix = tensorflow.random.uniform((MATRIX, MATRIX))
    version = f"{keras.__version__}, TensorFlow {tensorflow.__version__}"
    return version, steps, lambda: tensorflow.linalg.matmul(matrix, matrix).numpy()


def seconds(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak_rss_mib():
    """The most memory that this process ever held; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # In bytes on macOS, in KiB elsewhere.
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("framework", choices=["torch", "keras"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    began = time.perf_counter()
    make = torch_work if options.framework == "torch" else keras_work
    version, steps, multiply = make(options.batch, options.threads)
    import_seconds = time.perf_counter() - began

    steps(WARM_UP)
    count = max(1, IMAGES // options.batch)
    rates = [count * options.batch / seconds(lambda: steps(count)) for _ in range(options.repeats)]
    # The best of some products, for the others were disturbed.
    product = min(seconds(multiply) for _ in range(10))
    print(json.dumps({
        "framework": options.framework,
        "version": version,
        "batch": options.batch,
        "threads": options.threads,
        "images_per_second": {"median": round(statistics.median(rates)), "all": [round(rate) for rate in rates]},
        "gemm_peak": round(2 * MATRIX**3 / product / 1e9),
        "import_seconds": round(import_seconds, 2),
        "peak_rss_mib": peak_rss_mib(),
    }))


main()
