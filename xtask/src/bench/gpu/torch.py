"""Trains the CIFAR-10 network of the Keras tutorial in PyTorch, on pictures that lie on the device, in one of these modes:

    eager            as it is written
    channels_last    pictures and weights in the layout that tensor cores read
    compile          that, forward and backward by torch.compile(mode="max-autotune-no-cudagraphs")
    reduce_overhead  that, by torch.compile(mode="reduce-overhead"), which has CUDA graphs of its own
    graphs           channels_last, a whole step captured in one CUDA graph
    compile_graphs   compile, a whole step captured in one CUDA graph

A step takes the next batch of a shuffled order out of pictures of bytes, divides by 255, and goes forward, backward and
through fused Adam, all on the device: the host waits for nothing until a repeat ends. Prints one line of JSON: pictures a
second of every repeat, after steps that do not count.
"""

import argparse
import json
import math
import statistics
import time

import torch
from torch import nn

# As many as CIFAR-10 has to train on.
PICTURES = 50_000
# Steps before the clock runs; in a CUDA graph, as many again before it is captured.
WARM_UP = 20
# Steps that say how many there are to be in a repeat.
TRIAL = 10

COMPILED = {
    "compile": "max-autotune-no-cudagraphs",
    "compile_graphs": "max-autotune-no-cudagraphs",
    "reduce_overhead": "reduce-overhead",
}
CAPTURED = ["graphs", "compile_graphs"]
MODES = ["eager", "channels_last", "compile", "reduce_overhead", "graphs", "compile_graphs"]


def tutorial():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 10),
    )


def set_precision(precision):
    """Products of f32 in f32, or of factors rounded to ten bits. Without this, cuDNN rounds and cuBLAS does not."""
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True


class Loss(nn.Module):
    """The loss of a batch of pictures that lie on the device. They are buffers of a module, which compiled CUDA graphs read
    in place; anything else they would copy in every step."""

    def __init__(self, device, count, channels_last, autocast):
        super().__init__()
        self.network = tutorial().to(device)
        if channels_last:
            self.network = self.network.to(memory_format=torch.channels_last)
        shape = (count, 32, 32, 3) if channels_last else (count, 3, 32, 32)
        self.register_buffer("images", torch.randint(256, shape, dtype=torch.uint8, device=device))
        self.register_buffer("labels", torch.randint(10, (count,), device=device))
        self.channels_last = channels_last
        self.autocast = autocast
        self.loss = nn.CrossEntropyLoss()

    def forward(self, chosen):
        pictures = self.images.index_select(0, chosen)
        if self.channels_last:
            # The same bytes, named (B, C, H, W).
            pictures = pictures.permute(0, 3, 1, 2)
        with self.autocast():
            return self.loss(self.network(pictures / 255), self.labels.index_select(0, chosen))


class Training:
    """A network with the pictures that it is trained on, and steps in one of the modes."""

    def __init__(self, mode, device, batch, precision):
        torch.manual_seed(0)
        count = max(PICTURES, batch)
        # What is cached of weights would go stale in a graph.
        autocast = lambda: torch.autocast(
            torch.device(device).type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=mode not in CAPTURED)
        self.loss_of = Loss(device, count, mode != "eager", autocast)
        order = torch.randperm(count, device=device)
        self.batches = [order[i * batch:(i + 1) * batch] for i in range(count // batch)]
        self.next = 0
        self.adam = torch.optim.Adam(
            self.loss_of.parameters(), lr=1e-3, eps=1e-7, fused=True, capturable=mode in CAPTURED)
        if mode in COMPILED:
            self.loss_of = torch.compile(self.loss_of, mode=COMPILED[mode], dynamic=False)
        self.step = self.plain_step
        if mode == "reduce_overhead":
            self.step = self.marked_step
        elif mode in CAPTURED:
            self.step = self.captured_step()

    def plain_step(self, chosen):
        self.adam.zero_grad(set_to_none=True)
        loss = self.loss_of(chosen)
        loss.backward()
        self.adam.step()
        return loss.detach()

    def marked_step(self, chosen):
        """What the graphs of the step before gave may be written over."""
        torch.compiler.cudagraph_mark_step_begin()
        return self.plain_step(chosen)

    def captured_step(self):
        """https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture"""
        chosen = self.batches[0].clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self.plain_step(chosen)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self.adam.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            loss = self.plain_step(chosen)

        def replay(these):
            chosen.copy_(these)
            graph.replay()
            return loss

        return replay

    def steps(self, count):
        """Trains so many steps and gives the loss of the last, which may still be computed."""
        for _ in range(count):
            loss = self.step(self.batches[self.next])
            self.next = (self.next + 1) % len(self.batches)
        return loss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu to try the script")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--precision", choices=["f32", "tf32", "bf16"], default="f32")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="in a repeat, about")
    options = parser.parse_args()

    cuda = options.device.startswith("cuda")
    if cuda and not torch.cuda.is_available():
        built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        raise SystemExit(f"torch {torch.__version__}, built {built}, finds no GPU; give --python one that does")
    if not cuda and options.mode in CAPTURED:
        raise SystemExit(f"{options.mode} is for CUDA")
    if cuda:
        torch.cuda.set_device(torch.device(options.device))
    wait = torch.cuda.synchronize if cuda else lambda: None
    set_precision(options.precision)
    training = Training(options.mode, options.device, options.batch, options.precision)

    def timed(count):
        wait()
        began = time.perf_counter()
        loss = training.steps(count)
        wait()
        return time.perf_counter() - began, loss

    timed(WARM_UP)
    trial, loss = timed(TRIAL)
    count = max(1, math.ceil(options.seconds / trial * TRIAL))
    rates = []
    for _ in range(options.repeats):
        seconds, loss = timed(count)
        rates.append(count * options.batch / seconds)
    loss = float(loss)
    if not math.isfinite(loss):
        raise SystemExit(f"the loss after these steps is {loss}: what was timed is no training")
    print(json.dumps({
        "framework": "torch",
        "mode": options.mode,
        "version": torch.__version__,
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "precision": options.precision,
        "batch": options.batch,
        "images_per_second": {"median": round(statistics.median(rates)), "all": [round(rate) for rate in rates]},
        "loss": loss,
    }))


# Compiling starts processes that read this file again.
if __name__ == "__main__":
    main()
