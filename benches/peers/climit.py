"""Writes and builds the C reference, the library that flushes subnormals, and the program for the machine's limits.

Flows in: the functions' text. Flows out: paths of what gcc made under `places.BUILD`, or None with a reason. Needs gcc
and glibc (libmvec) on x86-64 with AVX2 or AVX-512.
"""

import functools
import platform
import re
import shutil
import subprocess
from pathlib import Path

import functions
import places

FLAGS = ["-O3", "-march=native", "-ffast-math", "-fno-math-errno", "-fopenmp"]
FORMATS = {"f": ("float", "vec_f"), "d": ("double", "vec_d")}


@functools.cache
def unfit() -> str | None:
    """Why there can be no C reference here."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return "the C reference is written for x86-64"
    if not shutil.which("gcc"):
        return "gcc is not on the PATH (Debian, Ubuntu: apt-get install gcc)"
    if not re.search("__AVX512F__|__AVX2__", macros()):
        return "this processor has neither AVX-512 nor AVX2"
    return None


@functools.cache
def macros() -> str:
    command = ["gcc", "-march=native", "-dM", "-E", "-x", "c", "/dev/null"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def width() -> str:
    return "AVX-512" if "__AVX512F__" in macros() else "AVX2"


def function(name: str, suffix: str) -> str:
    """A function of two variables as C."""
    real, vector = FORMATS[suffix]

    def expression(text: str) -> str:
        text = re.sub(r"K\(([^()]*)\)", lambda match: f"(({real})({match.group(1)}))", text)
        return re.sub(r"\b(sin|cos|exp|log|tanh|sqrt)\(", rf"\1_{suffix}(", text)

    body = "".join(f"  const {vector} {left} = {expression(right)};\n" for left, right in functions.lines(name))
    head = f"INLINE void fg_{name}_{suffix}({vector} x, {vector} y, {vector} *F, {vector} *GX, {vector} *GY)"
    return f"{head} {{\n{body}  *F = f;\n  *GX = gx;\n  *GY = gy;\n}}\n"


def source(names: list[str], suffixes: str) -> str:
    out = ['#include "limit.h"\n']
    for suffix in suffixes:
        real, vector = FORMATS[suffix]
        out.append(f"#define S {suffix}\n#define REAL {real}\n#define VEC {vector}\n")
        for name in names:
            if name in functions.PLANE:
                out.append(function(name, suffix) + f'#define NAME {name}\n#include "plane.h"\n#undef NAME\n')
            else:
                rosenbrock = int(name.startswith("rosenbrock"))
                out.append(f"#define NAME {name}\n#define DIM {functions.SPACE[name]}\n#define ROSENBROCK {rosenbrock}\n")
                out.append('#include "space.h"\n#undef NAME\n#undef DIM\n#undef ROSENBROCK\n')
        out.append("#undef S\n#undef REAL\n#undef VEC\n")
    return "".join(out)


COLD = """
#include <stdio.h>
int main(void) {
  const long n = %d;
  REAL *x = malloc(n * sizeof(REAL));
  for (long i = 0; i < n; i++) x[i] = -3.0 + i * (6.0 / (n - 1));
  REAL *F = aligned_alloc(64, n * n * sizeof(REAL)), *A = aligned_alloc(64, n * n * sizeof(REAL));
  REAL *B = aligned_alloc(64, n * n * sizeof(REAL));
  grid_NAME_f(x, x, n, n, F, A, B, 0);
  printf("%%g\\n", (double)(F[5] + A[7] + B[n]));
  return 0;
}
"""


def compile_(text: str, target: Path, options: list[str]) -> Path:
    """Builds `text` unless it is built already."""
    places.BUILD.mkdir(parents=True, exist_ok=True)
    here = Path(__file__).parent
    text += "".join(f"// {path.name} {path.stat().st_mtime_ns}\n" for path in sorted(here.glob("*.h")))
    file = target.with_suffix(".c")
    if not (file.exists() and target.exists() and file.read_text() == text):
        file.write_text(text)
        wide = ["-mprefer-vector-width=512"] if "__AVX512F__" in macros() else []
        command = ["gcc", *FLAGS, *wide, f"-I{here}", str(file), "-o", str(target), *options, "-lmvec", "-lm"]
        subprocess.run(command, check=True)
    return target


def shared_object() -> Path:
    text = source([*functions.PLANE, *functions.SPACE], "fd")
    return compile_(text, places.BUILD / "limit.so", ["-shared", "-fPIC"])


def cold(name: str, size: int) -> Path:
    """A program that fills the three f32 grids once."""
    text = source([name], "f") + (COLD % size).replace("NAME", name).replace("REAL", "float")
    return compile_(text, places.BUILD / f"cold-{name}", [])


def flusher() -> Path:
    """An empty library linked with -ffast-math: who loads it flushes subnormals, in this thread and those made later."""
    return compile_("int peers_flush(void) { return 1; }\n", places.BUILD / "flush.so", ["-shared", "-fPIC"])


def limits() -> Path:
    """The machine's limits; AVX-512 only."""
    return compile_((Path(__file__).parent / "limits.c").read_text(), places.BUILD / "limits", [])
