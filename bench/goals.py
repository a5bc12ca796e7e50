"""What the measurements with a goal end with."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.machine import description


def conclude(path: Path, found: Mapping[str, object], missed: Sequence[str]) -> None:
    """Keep what was found; say which goals were missed, and exit with 1 if any was."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": description(), **found, "missed": missed}, indent=2))
    if missed:
        sys.exit("\n".join(["Missed:", *missed]))
