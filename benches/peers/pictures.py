"""One picture, as a process of its own, and the check of one: `pictures.py PEER SIZE FILE`, `pictures.py check SIZE FILE`.

The picture is the logarithm of 1 + |grad f| of Himmelblau's function on [-6, 6]^2, at the centres of SIZE x SIZE pixels,
the colours of viridis from 0 to 7, as RGB without axes. `quiver FILE` is the figure of tutorials: 20 x 20 arrows.

Flows out: the PNG. `check` prints one line `@@{json}`: the largest difference of a channel in every 97th row, of 255.
"""

import json
import math
import os
import sys
from typing import Any

import numpy as np

SIDE = 6.0
TOP = 7.0
THREADS = os.environ.get("PEERS_THREADS", "1")


def centres(size: int, dtype: type) -> np.ndarray:
    return (-SIDE + 2 * SIDE * ((np.arange(size) + 0.5) / size)).astype(dtype)


def colours() -> np.ndarray:
    import matplotlib

    return (matplotlib.colormaps["viridis"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def values(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    p, q = x * x + y - 11, x + y * y - 7
    return np.log1p(np.hypot(4 * x * p + 2 * q, 2 * p + 4 * y * q))


def numpy(size: int, file: str) -> None:
    """NumPy in f32 over whole arrays, Pillow at its fastest."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    x = centres(size, np.float32)
    indices = (values(x[None, :], x[::-1, None]) * (255.999 / TOP)).clip(0, 255).astype(np.uint8)
    Image.fromarray(colours()[indices]).save(file, compress_level=1)


def rendered(size: int) -> np.ndarray:
    """The pixels by numba, in one pass, in parallel."""
    import numba

    f32 = np.float32
    k2, k4, k7, k11, scale, last = (f32(v) for v in (2, 4, 7, 11, 255.999 / TOP, 255))

    @numba.njit(parallel=True, fastmath=True)
    def render(xs, table, out):
        for j in numba.prange(xs.shape[0]):
            y = xs[xs.shape[0] - 1 - j]
            for i in range(xs.shape[0]):
                x = xs[i]
                p = x * x + y - k11
                q = x + y * y - k7
                a = k4 * x * p + k2 * q
                b = k2 * p + k4 * y * q
                k = int(min(math.log1p(math.sqrt(a * a + b * b)) * scale, last))
                out[j, i, 0] = table[k, 0]
                out[j, i, 1] = table[k, 1]
                out[j, i, 2] = table[k, 2]

    out = np.empty((size, size, 3), np.uint8)
    render(centres(size, f32), colours(), out)
    return out


def numba(size: int, file: str) -> None:
    """numba and libvips at its fastest: the quickest that we found of libvips, OpenCV and Pillow."""
    import pyvips

    out = rendered(size)
    pyvips.Image.new_from_memory(out.data, size, size, 3, "uchar").pngsave(file, compression=1)


def numba_pillow(size: int, file: str) -> None:
    """numba and Pillow at its fastest, where there is no libvips."""
    from PIL import Image

    Image.fromarray(rendered(size)).save(file, compress_level=1)


def quiver(file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    x, y = np.meshgrid(np.linspace(-3, 3, 20), np.linspace(-3, 3, 20))
    plt.quiver(x, y, 2 * x, 2 * y)
    plt.savefig(file)


def check(size: int, file: str) -> dict[str, Any]:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    with Image.open(file) as image:
        if image.size != (size, size):
            return {"error": float("inf")}
        pixels = np.asarray(image.convert("RGB"))[::97]
    x = centres(size, np.float64)
    place = (values(x[None, :], x[::-1][::97, None]) / TOP).clip(0, 1) * 255
    table = colours().astype(np.float64)
    want = np.stack([np.interp(place, np.arange(256), channel) for channel in table.T], axis=-1)
    return {"error": float(np.abs(pixels - want).max() / 255)}


def main() -> None:
    what, *rest = sys.argv[1:]
    if what == "quiver":
        return quiver(rest[0])
    size, file = int(rest[0]), rest[1]
    if what == "check":
        print("@@" + json.dumps(check(size, file)))
    else:
        {"numpy": numpy, "numba": numba, "numba_pillow": numba_pillow}[what](size, file)


if __name__ == "__main__":
    main()
