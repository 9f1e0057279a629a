#!/usr/bin/env python3
"""Expected gradients of sampled fields, by NumPy, SciPy and scikit-image: writes tests/cases/samples.json.

    python3 -m venv venv && venv/bin/pip install numpy scipy scikit-image
    venv/bin/python tests/expected/samples.py

Inputs are multiples of 1/64, exact in single precision. What a library gives is divided by what it makes of a ramp of
slope 1, as the page of `gradfield::samples::kernel` says: that is the only thing that is changed.
"""
import json
import pathlib

import numpy as np
import scipy
import skimage
from scipy import ndimage as ndi
from skimage import feature, filters

rng = np.random.default_rng(7)


def made(*shape):
    return np.round(rng.normal(size=shape) * 64 * 3) / 64


inputs = {
    "row": made(13),
    "image": made(9, 11),
    "volume": made(4, 5, 6),
    "small": made(3, 3),
    # The scene in which edges are sought: discs and a slope, and noise.
    "scene": np.round(
        64
        * (
            4.0 * ((np.indices((40, 48))[0] - 17) ** 2 + (np.indices((40, 48))[1] - 20) ** 2 < 130)
            + 2.0 * (np.indices((40, 48))[1] > 36)
            + 0.02 * np.indices((40, 48))[0]
            + 0.3 * rng.normal(size=(40, 48))
        )
    )
    / 64,
}
cases = []


def add(source, name, kernel, slopes, spacing=None, boundary=None, edge_order=None):
    """`slopes` by axis, the slowest first."""
    named = dict(zip(["dx", "dy", "dz"], [s.ravel().tolist() for s in reversed(slopes)]))
    spacing = None if spacing is None else [s if np.isscalar(s) else list(s) for s in spacing]
    cases.append(dict(source=source, input=name, kernel=kernel, boundary=boundary, edge_order=edge_order,
                      spacing=spacing, slopes=named))


def listed(slopes):
    return [slopes] if isinstance(slopes, np.ndarray) else list(slopes)


uneven = np.array([0.0, 0.5, 1.25, 1.5, 3.0, 3.25, 4.0, 6.5, 7.0, 7.5, 9.0])
for order in (1, 2):
    source = f"numpy.gradient(edge_order={order})"
    add(source, "row", "central", listed(np.gradient(inputs["row"], edge_order=order)), edge_order=order)
    add(source, "image", "central", listed(np.gradient(inputs["image"], 0.5, 2.0, edge_order=order)), [0.5, 2.0],
        edge_order=order)
    add(source, "image", "central", listed(np.gradient(inputs["image"], 0.25, uneven, edge_order=order)),
        [0.25, uneven.tolist()], edge_order=order)
    add(source, "volume", "central", listed(np.gradient(inputs["volume"], edge_order=order)), edge_order=order)
    add(source, "small", "central", listed(np.gradient(inputs["small"], edge_order=order)), edge_order=order)
for mode in ("nearest", "reflect", "constant", "wrap"):
    for name in ("row", "image", "volume", "small"):
        a = inputs[name]
        others = a.ndim - 1
        add("scipy.ndimage.sobel", name, "sobel",
            [ndi.sobel(a, axis, mode=mode) / (2 * 4**others) for axis in range(a.ndim)], boundary=mode)
        if name != "volume":
            add("scipy.ndimage.prewitt", name, "prewitt",
                [ndi.prewitt(a, axis, mode=mode) / (2 * 3**others) for axis in range(a.ndim)], boundary=mode)
            for sigma in (0.7, 2.0):
                order = lambda axis: [int(k == axis) for k in range(a.ndim)]
                add("scipy.ndimage.gaussian_filter", name, f"gaussian:{sigma}",
                    [ndi.gaussian_filter(a, sigma, order(axis), mode=mode) for axis in range(a.ndim)], boundary=mode)
farid = 2 * (0.276690988455557 + 2 * 0.109603762960254)
for mode in ("reflect", "constant", "nearest", "wrap"):
    a = inputs["image"]
    for kernel, h, v, scale in (
        ("sobel", filters.sobel_h, filters.sobel_v, 2),
        ("scharr", filters.scharr_h, filters.scharr_v, 2),
        ("prewitt", filters.prewitt_h, filters.prewitt_v, 2),
        ("farid", filters.farid_h, filters.farid_v, farid),
    ):
        if mode == "reflect":
            add(f"skimage.filters.{kernel}_h, _v", "image", kernel, [h(a) / scale, v(a) / scale], boundary=None)
    if mode != "reflect":
        for axis_kernel, scale in (("scharr", 2), ("farid", farid)):
            both = [getattr(filters, axis_kernel)(a, axis=axis, mode=mode) / scale for axis in (0, 1)]
            add(f"skimage.filters.{axis_kernel}(mode={mode})", "image", axis_kernel, both, boundary=mode)

edges = []
for sigma, low, high in ((0.0, 1.0, 3.0), (0.0, 0.5, 5.0), (1.0, 1.0, 2.0), (1.5, 2.0, 4.0)):
    found = feature.canny(inputs["scene"], sigma=sigma, low_threshold=low, high_threshold=high, mode="reflect")
    edges.append(dict(source="skimage.feature.canny(mode='reflect')", smooth=sigma, low=low / 8, high=high / 8,
                      edges=["".join("01"[int(v)] for v in row) for row in found]))

document = dict(
    method=f"numpy {np.__version__}, scipy {scipy.__version__}, scikit-image {skimage.__version__}: tests/expected/samples.py",
    inputs={name: dict(shape=list(a.shape), values=a.ravel().tolist()) for name, a in inputs.items()},
    cases=cases,
    edges=edges,
)


def shorter(value):
    """16 digits are enough to tell a wrong weight, and keep the file small."""
    if isinstance(value, float):
        return float(f"{value:.16g}")
    if isinstance(value, list):
        return [shorter(v) for v in value]
    if isinstance(value, dict):
        return {key: shorter(v) for key, v in value.items()}
    return value


path = pathlib.Path(__file__).parents[1] / "cases" / "samples.json"
path.write_text(json.dumps(shorter(document), separators=(",", ":")) + "\n")
print(path, path.stat().st_size, "bytes", len(cases), "cases")
