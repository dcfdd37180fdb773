"""Runs one measurement in this process: `python -m benchmarks.child NAME SETTING ANSWER`.

A process of its own, so that no measurement profits from what another has imported or grown, and
so that the peak of its memory is its own.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

from whop_elt.process import tune

from .machine import peak_memory_mb
from .setting import Setting


def main() -> None:
    """Run it, and write what it found, or what went wrong, to the file ANSWER."""
    name, setting, answer = sys.argv[1:4]
    # The alternatives are to tell nobody that they ran either.
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    # As the command line does; and alike for all.
    tune()
    from .everything import MEASUREMENTS

    told: dict[str, object]
    try:
        figures = MEASUREMENTS[name].run(Setting.load(setting))
        told = {"figures": {"peak MB": peak_memory_mb(), **figures}}
    except BaseException as error:
        traceback.print_exc()
        told = {"error": f"{type(error).__name__}: {error}"}
    Path(answer).write_text(json.dumps(told))
    sys.stdout.flush()
    sys.stderr.flush()
    # A load that was stopped at the end of its window still has threads under way.
    os._exit(0)


if __name__ == "__main__":
    main()
