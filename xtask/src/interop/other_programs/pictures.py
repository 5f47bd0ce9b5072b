"""Runs the block of docs/other-programs.md that reads a picture on one whose pixels are known.

Argument: the file with the block.
"""
import sys

import numpy as np
from PIL import Image

pixels = np.random.default_rng(0).integers(256, size=(32, 32, 3), dtype=np.uint8)
Image.fromarray(pixels).save("picture.png")
names = {}
with open(sys.argv[1], encoding="utf-8") as file:
    exec(compile(file.read(), sys.argv[1], "exec"), names)
images = names["images"]
assert (images.shape, images.dtype) == ((1, 3, 32, 32), np.float32), (images.shape, images.dtype)
# Channel by channel, as our loader hands pictures out.
expected = np.stack([pixels[:, :, channel] for channel in range(3)]).astype(np.float32) / 255
assert (images[0] == expected).all(), "other pixels than written"
