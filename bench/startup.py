"""`make bench-startup`: how long it takes until something happens, and what the processes hold at rest."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.machine import description, family, resident_megabytes
from servers import start, wait_until_ready


def seconds_to_run(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def start_of_the_service(directory: Path) -> tuple[float, list[float]]:
    """Seconds until it is ready on its embedded database, and the megabytes of the process and its worker."""
    started = time.perf_counter()
    server = start(directory, "", secret="", data_dir=directory / "data", bcrypt_cost=12)
    try:
        wait_until_ready(server)
        ready = time.perf_counter() - started
        main, *others = family(server.process.pid)
        service = [p for p in others if "postgres" not in Path(f"/proc/{p}/cmdline").read_text()]
        return ready, [resident_megabytes(process) for process in [main, *service]]
    finally:
        server.process.terminate()
        server.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=Path("build/bench-startup.json"))
    options = parser.parse_args()

    rounds = range(options.rounds)
    seconds_to_run("-m", "referral", "--help")  # a first time, for what the disk has to give
    with tempfile.TemporaryDirectory(prefix="referral-bench-") as name:
        first, _ = start_of_the_service(Path(name))
        starts = [start_of_the_service(Path(name)) for _ in rounds]
    main_process, worker = (max(held) for held in zip(*(held for _, held in starts), strict=True))
    results = {
        "python_seconds": median(seconds_to_run("-c", "") for _ in rounds),
        "help_seconds": median(seconds_to_run("-m", "referral", "--help") for _ in rounds),
        "first_start_seconds": first,
        "start_seconds": median(ready for ready, _ in starts),
        "main_process_megabytes": main_process,
        "worker_megabytes": worker,
    }
    print(description())
    for figure, value in results.items():
        print(f"{figure.replace('_', ' '):24} {value:6.2f}")
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps({"machine": description(), **results}, indent=2))


if __name__ == "__main__":
    main()
