"""The rows of docs/security-rows.md, and the proof that their tests can fail: each is run without its defence.

    python tests/hostile/defences.py            run every row, and write what was seen into the table
    python tests/hostile/defences.py A05 D16    these rows

rows.toml says for each row which text of which file is the defence, and what stands there instead when it is
taken away. The repository is copied, the copy is changed, and the row's tests run on it: one has to fail.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = Path(__file__).with_name("rows.toml")
TABLE = ROOT / "docs/security-rows.md"
TABLE_RULE = "| --- | --- | --- | --- | --- | --- |\n"
NOT_COPIED = shutil.ignore_patterns(
    *(".git", ".venv", "assets", "__pycache__", ".*_cache", ".hypothesis", "mutants", ".referral")
)
LONGEST = 600  # seconds


@dataclass(frozen=True)
class Defence:
    """A text of a file, what stands there instead when it is taken away, what happens `without`, and who notices."""

    without: str
    file: str
    text: str
    instead: str
    tests: list[str]


@dataclass(frozen=True)
class Row(Defence):
    """One attack, and the defence that is in its way."""

    attack: str
    answer: str


def rows() -> dict[str, Row]:
    return {name: Row(**row) for name, row in tomllib.loads(ROWS.read_text("utf-8")).items()}


@contextmanager
def copy_without(row: Defence):
    """A copy of the repository in which the defence is gone."""
    with tempfile.TemporaryDirectory(prefix="referral-") as directory:
        copy = Path(directory) / "copy"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        assets = "src/referral/entrypoints/http/assets"
        if (ROOT / assets).exists():
            (copy / assets).symlink_to(ROOT / assets)
        file = copy / row.file
        before = file.read_text("utf-8")
        assert before.count(row.text) == 1, f"{row.file}: {row.text}"
        file.write_text(before.replace(row.text, row.instead), "utf-8")
        yield copy


def run_without(row: Defence) -> str:
    """What pytest says of its tests without the defence, such as `2 failed, 1 passed`."""
    with copy_without(row) as copy:
        done = subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "pytest",
                    "-q",
                    "-p",
                    "no:randomly",
                    "-p",
                    "no:cacheprovider",
                ),
                *(f"tests/{test}" for test in row.tests),
            ],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy / "src")},
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    summary = re.sub(r" in [\d.]+s.*", "", done.stdout.strip().rpartition("\n")[2])
    return summary if done.returncode == 1 else f"{summary} (status {done.returncode})"


def number_of_inputs(row: Row, cases: list[str]) -> int:
    """How many cases the row's tests have; of one that sends a corpus, how many inputs."""
    mine = [case for case in cases for test in row.tests if _is_of(case, test)]
    folder = ROOT / "tests/hostile/corpora"
    sizes = {f.stem: len(f.read_text("ascii").splitlines()) for f in folder.glob("*.jsonl")}
    return sum(
        next((n for name, n in sizes.items() if case.endswith(f"_{name}]")), 1) for case in mine
    )


def _is_of(case: str, test: str) -> bool:
    return case == f"tests/{test}" or case.startswith(f"tests/{test}[")


def collected() -> list[str]:
    """The ids of all test cases there are."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:randomly"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if "::" in line]


def line_of(name: str, row: Row, inputs: int | str, seen: str) -> str:
    """The row as a line of the table."""
    tests = "<br>".join(f"`{test.partition('::')[2]}`" for test in row.tests)
    return f"| {name} | {row.attack} | {row.answer} | {inputs} | {tests} | {row.without}: {seen} |"


def run_without_each(
    defences: Mapping[str, Defence], names: list[str], note: Callable[[str, str], None]
) -> list[str]:
    """Take away each that is named, or all; note what pytest said of it. Those without which no test failed."""
    sys.path.insert(0, str(ROOT / "tests"))
    from databases import chosen_server

    unseen = []
    with chosen_server().open() as url:
        os.environ["REFERRAL_TEST_DATABASE_URL"] = url
        for name, defence in defences.items():
            if names and name not in names:
                continue
            started = time.monotonic()
            seen = run_without(defence)
            seconds = time.monotonic() - started
            sys.stdout.write(f"{name} {seconds:5.1f} s  {defence.without}: {seen}\n")
            sys.stdout.flush()
            if "failed" in seen:
                note(name, seen)
            else:
                unseen.append(name)
    return unseen


def main(names: list[str]) -> None:
    cases, known = collected(), rows()

    def note(name: str, seen: str) -> None:
        write(line_of(name, known[name], number_of_inputs(known[name], cases), seen))

    unseen = run_without_each(known, names, note)
    if unseen:
        sys.exit(f"No test failed without the defence of {', '.join(unseen)}.")


def write(line: str) -> None:
    """Put the line into the table, in the place of its row."""
    head, rule, table = TABLE.read_text("utf-8").partition(TABLE_RULE)
    lines = {old[2:5]: old for old in table.splitlines()} | {line[2:5]: line}
    in_order = "\n".join(lines[name] for name in rows() if name in lines)
    TABLE.write_text(f"{head}{rule}{in_order}\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
