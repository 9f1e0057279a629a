"""Where things are: the program under test, the peers' environments, what is missing and how to get it.

Flows in: the environment variable PEERS_HOME (default ~/.cache/gradfield-peers). Flows out: paths, interpreters.
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
GRADFIELD = TARGET / "release" / "gradfield"
PEER = TARGET / "release" / "examples" / "peer"
HOME = Path(os.environ.get("PEERS_HOME", Path.home() / ".cache" / "gradfield-peers"))
VENV = HOME / "venv"
SVML = HOME / "venv-svml"
BUILD = HOME / "build"

MODULES = {
    "gradfield": ["numpy"],
    "c": ["numpy"],
    "numpy": ["numpy"],
    "numpy_blocks": ["numpy"],
    "numexpr": ["numexpr"],
    "numba": ["numba"],
    "numba_svml": ["numba"],
    "jax": ["jax"],
    "torch": ["torch"],
    "scipy": ["scipy"],
    "optimistix": ["optimistix"],
    "matplotlib": ["matplotlib"],
    "pillow": ["PIL"],
    "libvips": ["pyvips"],
}
"""What a peer's interpreter must import. gradfield and C are checked by NumPy."""

PACKAGES = ["numpy", "scipy", "numba", "jax", "numexpr", "matplotlib", "pillow", "pyvips", "pyvips-binary", "optimistix"]
# The last pair of numba and llvmlite whose wheels can call Intel's SVML.
SVML_PACKAGES = ["numba==0.61.2", "intel-cmplr-lib-rt"]


@functools.cache
def imports(python: str, module: str) -> bool:
    """Whether this interpreter finds the module (it is not loaded)."""
    code = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@functools.cache
def interpreter(peer: str) -> str | None:
    """The Python for a peer: its environment's, else the one that runs this."""
    own = [SVML] if peer == "numba_svml" else [VENV]
    candidates = [str(place / "bin" / "python") for place in own]
    candidates += [] if peer == "numba_svml" else [sys.executable]
    fits = (python for python in candidates if all(imports(python, module) for module in MODULES[peer]))
    return next(fits, None)


def missing(peer: str) -> str | None:
    """A line that says how to get a peer that is not there."""
    if interpreter(peer):
        return None
    also = " --peers torch" if peer == "torch" else ""
    return f"{peer}: not found; `benches/peers/run --setup{also}` installs it under {HOME}"


def environment(peer: str, threads: int) -> dict[str, str]:
    names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_MAX_THREADS", "NUMEXPR_NUM_THREADS"]
    values = {name: str(threads) for name in [*names, "PEERS_THREADS"]}
    if peer == "numba_svml":
        values["LD_LIBRARY_PATH"] = str(SVML / "lib")
    return {**os.environ, **values}


def setup(peers: list[str]) -> None:
    """Makes the environments, or adds what they lack. What cannot be installed is told, and the rest goes on."""
    extra = ["torch"] if "torch" in peers else []
    for place, packages in ((VENV, PACKAGES + extra), (SVML, SVML_PACKAGES)):
        python = place / "bin" / "python"
        try:
            if not python.exists():
                subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{place}: {error}", file=sys.stderr)
