"""What a process costs, from /proc."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def family(process: int) -> list[int]:
    """The process and all that descend from it."""
    found = [process]
    for member in found:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def cpu_seconds(process: int) -> float:
    """What the process and its descendants have used, those that ended included."""
    ticks = 0
    for member in family(process):
        # proc_pid_stat(5): user and system time, then that of children waited for.
        ticks += sum(
            map(int, Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()[11:15])
        )
    return ticks / _TICKS


def all_cpu_seconds() -> float:
    """What all processes of the machine have used."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / _TICKS


def resident_megabytes(process: int) -> float:
    return (
        int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6
    )


def held(process: int) -> tuple[float, int]:
    """Megabytes of the process and its descendants, shared pages counted once, and how many files they have open.

    What PostgreSQL's processes share is of a fixed size: only their own memory is counted.
    """
    megabytes, files = 0.0, 0
    for member in family(process):
        try:
            name = Path(f"/proc/{member}/comm").read_text().strip()
            which = "Pss_Anon" if name == "postgres" else "Pss"
            rollup = dict(
                line.split()[:2]
                for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
            )
            megabytes += int(rollup[f"{which}:"]) * 1024 / 1e6
            files += len(list(Path(f"/proc/{member}/fd").iterdir()))
        except (FileNotFoundError, ProcessLookupError):  # it ended just now
            continue
    return megabytes, files


def description() -> str:
    """The size of this machine and the versions of what matters."""
    import platform
    from importlib.metadata import version

    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGESIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = (
        "litestar",
        "granian",
        "msgspec",
        "sqlalchemy",
        "asyncpg",
        "pyjwt",
        "bcrypt",
        "uvloop",
    )
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    autogroup = Path("/proc/sys/kernel/sched_autogroup_enabled")
    shared = autogroup.exists() and autogroup.read_text().strip() == "1"
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB; Linux {platform.release()}"
        f"{' with autogroup' if shared else ''}, Python {platform.python_version()}; {versions}"
    )
