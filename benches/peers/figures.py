"""The figures of docs/articles.md, ours beside matplotlib's: `figures.py FOLDER` writes one PNG for each.

Flows in: the release build of gradfield (`cargo build --release`), the environment that `run --setup` makes. The commands
are those of the page; beside each stands what one writes in matplotlib for the same figure. Flows out: `NAME.png`, gradfield
on the left, matplotlib on the right, as many pixels each.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "articles.md"
PROGRAM = ROOT / "target" / "release" / "gradfield"
DPI = 100


def commands() -> dict[str, list[str]]:
    """The words of each command of the page, by the name of its picture."""
    import shlex

    text = PAGE.read_text().replace("\\\n", " ")
    lines = re.findall(r"^\$ gradfield (.*)$", text, re.MULTILINE)
    return {words[-1].removesuffix(".png"): words for words in map(shlex.split, lines) if words[-2] == "-o"}


def quiver(plt) -> None:  # noqa: ANN001
    x, y = np.meshgrid(np.linspace(-3, 3, 20), np.linspace(-3, 3, 20))
    plt.quiver(x, y, 2 * x, 2 * y)
    plt.title("Gradient of f(x, y) = x² + y²")
    plt.xlabel("x")
    plt.ylabel("y")
    plt.grid()


def line(plt) -> None:  # noqa: ANN001
    x = np.linspace(-3, 3, 200)
    plt.plot(x, 8 * x - 3, label="f(x) = 8x - 3")
    plt.plot(x, np.full_like(x, 8.0), "--", label="f'(x) = 8")
    plt.xlabel("x")
    plt.legend()
    plt.grid()


def surface(plt) -> None:  # noqa: ANN001
    axes = plt.axes(projection="3d")
    x, y = np.meshgrid(np.linspace(-3, 3, 60), np.linspace(-3, 3, 60))
    axes.plot_surface(x, y, np.sin(x) * np.cos(y), cmap="viridis")
    x, y = np.meshgrid(np.linspace(-3, 3, 10), np.linspace(-3, 3, 10))
    u, v = np.cos(x) * np.cos(y), -np.sin(x) * np.sin(y)
    axes.quiver(x, y, np.sin(x) * np.cos(y), u, v, u * u + v * v, length=0.5, color="red")
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.set_zlabel("f")
    axes.set_title("f = sin(x) cos(y)")


def polynomial(plt) -> None:  # noqa: ANN001
    x, y = np.meshgrid(np.linspace(-3, 3, 200), np.linspace(-1.5, 1.5, 200))
    plt.imshow(3 * x**2 + 8 * x * y - 3 * y**5, extent=(-3, 3, -1.5, 1.5), origin="lower")
    plt.colorbar(label="f")
    x, y = np.meshgrid(np.linspace(-3, 3, 18), np.linspace(-1.5, 1.5, 10))
    plt.quiver(x, y, 6 * x + 8 * y, 8 * x - 15 * y**4)
    plt.title("f = 3x² + 8xy - 3y⁵")
    plt.xlabel("x")
    plt.ylabel("y")


def descent(plt) -> None:  # noqa: ANN001
    x, path = -8.0, [-8.0]
    for _ in range(15):
        x -= 0.1 * (2 * x + 5)
        path.append(x)
    at = np.linspace(-9, 4, 200)
    plt.plot(at, at**2 + 5 * at + 6, label="f(x) = x² + 5x + 6")
    plt.scatter(path, [p**2 + 5 * p + 6 for p in path], color="red", label="iterates", zorder=3)
    plt.title("Gradient descent")
    plt.xlabel("x")
    plt.ylabel("f(x)")
    plt.legend()
    plt.grid()


def ascent(plt) -> None:  # noqa: ANN001
    p = np.array([0.3, -1.2])
    path = [p]
    for _ in range(60):
        gradient = np.array([np.cos(p[0]) * np.cos(p[1]), -np.sin(p[0]) * np.sin(p[1])])
        p = p + 0.2 * gradient
        path.append(p)
    x, y = np.meshgrid(np.linspace(-3, 3, 200), np.linspace(-3, 3, 200))
    plt.imshow(np.sin(x) * np.cos(y), extent=(-3, 3, -3, 3), origin="lower")
    plt.colorbar(label="f")
    plt.plot(*np.array(path).T, "w.-", label="path")
    plt.title("Gradient ascent on f = sin(x) cos(y)")
    plt.xlabel("x")
    plt.ylabel("y")
    plt.legend()


THEIRS = {one.__name__: one for one in (quiver, line, surface, polynomial, descent, ascent)}


def drawn(name: str, size: tuple[int, int], file: Path) -> None:
    """matplotlib's figure of so many pixels."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.figure(figsize=(size[0] / DPI, size[1] / DPI), dpi=DPI)
    THEIRS[name](plt)
    plt.tight_layout()
    plt.savefig(file)
    plt.close()


def pair(name: str, words: list[str], folder: Path) -> None:
    """Both figures beside each other, in one file."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as place:
        subprocess.run([PROGRAM, *words], cwd=place, check=True, stderr=subprocess.DEVNULL)
        ours = Image.open(Path(place) / f"{name}.png").convert("RGB")
        drawn(name, ours.size, Path(place) / "theirs.png")
        theirs = Image.open(Path(place) / "theirs.png").convert("RGB")
        both = Image.new("RGB", (2 * ours.width + 8, ours.height), "white")
        both.paste(ours, (0, 0))
        both.paste(theirs, (ours.width + 8, 0))
        both.save(folder / f"{name}.png", optimize=True)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    ours = commands()
    if ours.keys() != THEIRS.keys():
        sys.exit(f"the page has {sorted(ours)}, this file {sorted(THEIRS)}")
    for name, words in ours.items():
        pair(name, words, folder)


if __name__ == "__main__":
    main()
