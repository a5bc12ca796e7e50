"""What makes the service robust, and the proof that a test notices when it is gone: the table in docs/faults-mutations.md.

python tests/faults/mutations.py            take one after the other away, and write what was seen into the table
python tests/faults/mutations.py respawn    these
"""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from hostile.defences import Defence, run_without_each  # noqa: E402

TABLE = ROOT / "docs/faults-mutations.md"
TABLE_RULE = "| --- | --- | --- |\n"


def mutations() -> dict[str, Defence]:
    given = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return {name: Defence(**mutation) for name, mutation in given.items()}


def line_of(mutation: Defence, seen: str) -> str:
    """The mutation as a line of the table."""
    tests = "<br>".join(f"`{test.partition('::')[2]}`" for test in mutation.tests)
    return f"| {mutation.without} | {tests} | {seen} |"


def main(names: list[str]) -> None:
    known = mutations()
    unseen = run_without_each(known, names, lambda name, seen: write(line_of(known[name], seen)))
    if unseen:
        sys.exit(f"No test noticed that this was gone: {', '.join(unseen)}.")


def write(line: str) -> None:
    """Put the line into the table, in its place."""
    head, rule, table = TABLE.read_text("utf-8").partition(TABLE_RULE)
    lines = {old.split(" | ")[0]: old for old in [*table.splitlines(), line]}
    in_order = [f"| {mutation.without}" for mutation in mutations().values()]
    rows = "\n".join(lines[start] for start in in_order if start in lines)
    TABLE.write_text(f"{head}{rule}{rows}\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
