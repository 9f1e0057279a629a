"""What a measurement was made on: processor, cores, memory, versions, limits.

Flows in: the plan. Flows out: the head of the JSON, with an empty list of rows.
"""

import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import climit
import places

VERSIONS = """
import importlib.metadata as m, json, platform
names = ["numpy", "numba", "llvmlite", "intel-cmplr-lib-rt", "jax", "torch", "numexpr", "matplotlib", "pillow", "pyvips-binary"]
names += ["scipy", "optimistix"]
found = {}
for name in names:
    try:
        found[name] = m.version(name)
    except m.PackageNotFoundError:
        pass
print(json.dumps({"python": platform.python_version(), **found}))
"""


def first_line(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=places.ROOT)
    except OSError:
        return None
    return (done.stdout.strip().splitlines() or [None])[0]


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(reversed([[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]))
    extra = f"family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}"
    return f"{fields.get('model name', platform.machine())} ({extra})"


def memory() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError, AttributeError):
        return None


def versions(plan: Any) -> dict[str, dict[str, str]]:
    found = {}
    for peer in ("numpy", "numba_svml"):
        python = places.interpreter(peer)
        if python and peer in plan.peers:
            done = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                found["venv-svml" if peer == "numba_svml" else "venv"] = json.loads(done.stdout)
    return found


def limits(plan: Any) -> dict[str, float]:
    """Bandwidth and arithmetic, from limits.c; empty without AVX-512 and gcc."""
    if not plan.with_c or "grids" not in plan.works or climit.width() != "AVX-512":
        return {}
    environment = places.environment("c", plan.threads)
    done = subprocess.run([str(climit.limits())], capture_output=True, text=True, check=False, env=environment)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def description(plan: Any) -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d"),
        "quick": plan.quick,
        "threads": plan.threads,
        "particles": plan.particles,
        "peers": plan.peers,
        "processor": processor(),
        "memory": memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": first_line(["git", "describe", "--always", "--dirty"]),
        "rustc": first_line(["rustc", "--version"]),
        "gcc": first_line(["gcc", "--version"]) if plan.with_c else None,
        "vectors": climit.width() if plan.with_c else None,
        "versions": versions(plan),
        "limits": limits(plan),
        "rows": [],
    }
