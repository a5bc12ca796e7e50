"""A disk with little room, which a test can fill."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A disk of this size (`64k`, `24m`) on a new directory; skips the test where none can be mounted."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a small disk")
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted: {mounted.stderr.decode()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def fill(disk: Path) -> Path:
    """Leave no room; gives the file that takes it."""
    room = os.statvfs(disk)
    filling = disk / "filling"
    filling.write_bytes(bytes(room.f_bavail * room.f_frsize))
    return filling
