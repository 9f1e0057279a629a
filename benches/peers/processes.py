"""Runs measurements as processes: those that time themselves, and those that are timed whole.

Flows in: a command. Flows out: its report, or seconds and peak memory, or the reason why there is none. The wait blocks:
a loop that polls would wake up on a core that is being measured.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

import places

Report = dict[str, Any]
LIMIT = 240.0
"""Seconds that a process may take."""


def run(command: list[str], environment: dict[str, str]) -> Report:
    """Runs to the end. `text`: standard output; `wall`, `cpu`: seconds; `rss`: bytes at the peak (the command's, but no
    less than what this program has itself: some 20 MB); `error_text` if it failed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdout=out, stderr=err, cwd=places.HERE, start_new_session=True
        )
        late = threading.Event()

        def stop() -> None:
            late.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(LIMIT, stop)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        unit = 1 if sys.platform == "darwin" else 1024
        report = {"text": out.read(), "wall": wall, "cpu": usage.ru_utime + usage.ru_stime}
        report["rss"] = usage.ru_maxrss * unit
        if process.returncode:
            last = (err.read().strip().splitlines() or ["no message"])[-1][:200]
            report["error_text"] = f"no end within {LIMIT:.0f} s" if late.is_set() else last
        return report


def worker(script: str, peer: str, arguments: list[str], threads: int) -> Report:
    """A script of this folder, in the peer's interpreter; its report."""
    python = places.interpreter(peer)
    if python is None:
        return {"error_text": places.missing(peer)}
    done = run([python, script, peer, *arguments], places.environment(peer, threads))
    if "error_text" in done:
        return {"error_text": done["error_text"]}
    return json.loads(done["text"].split("@@")[-1])


def whole(command: list[str], environment: dict[str, str], times: int) -> Report:
    """Median of the whole process's seconds, and the most memory of any run."""
    done = [run(command, environment) for _ in range(times)]
    bad = next((one for one in done if "error_text" in one), None)
    if bad:
        return {"error_text": bad["error_text"]}
    walls = [one["wall"] for one in done]
    report = {"median": statistics.median(walls), "min": min(walls), "max": max(walls), "laps": times}
    return {**report, "rss": max(one["rss"] for one in done), "text": done[-1]["text"]}
