"""What the documents tell a reader to type is typed, and does what they say."""

import os
import re
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from servers import free_port

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SECRET = "a secret for tests of 32 bytes or more"

# What stands for a command that would not end, or would run these tests within themselves.
SHELL = """
set -euo pipefail
make() {{ command make --dry-run --directory {root} "$@" > /dev/null; }}
referral() {{
    case "$1" in
        serve) ;;
        key) {python} -m referral "$@" ;;
        *) {python} -m referral "$@" > /dev/null ;;
    esac
}}
"""


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def environment(databases, tmp_path):
    with databases.migrated() as url:
        outer = {k: v for k, v in os.environ.items() if not k.startswith("REFERRAL_")}
        yield {
            **outer,
            "REFERRAL_DATABASE_URL": url,
            "REFERRAL_SECRET": SECRET,
            "REFERRAL_BCRYPT_COST": "4",
            "REFERRAL_PORT": str(free_port()),
        }


@pytest.fixture
def base(environment, tmp_path):
    """The address of a server on the database of this test."""
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "referral", "serve"],
            env=environment,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{environment['REFERRAL_PORT']}"
    deadline = time.monotonic() + 30
    while not answers(f"{address}/health/ready"):
        assert time.monotonic() < deadline, (tmp_path / "log").read_text()
        time.sleep(0.05)
    yield address
    server.terminate()
    assert server.wait(20) == 0


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except (OSError, urllib.error.URLError):
        return False


def run_shell(script: str, environment: dict[str, str], directory: Path) -> str:
    prelude = SHELL.format(root=shlex.quote(str(ROOT)), python=shlex.quote(sys.executable))
    done = subprocess.run(
        ["bash", "-c", prelude + script],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_calls_of_the_readme_answer_as_it_says(base, environment, tmp_path):
    script = "\n".join(blocks(ROOT / "README.md", "sh")).replace("http://127.0.0.1:8000", base)

    said = run_shell(script, environment, tmp_path)

    position = 0
    for promised in re.findall(r"^# (?:\d{3} )?(\{.*\})$", script, re.MULTILINE):
        pattern = ".*?".join(re.escape(part) for part in promised.split("…"))
        found = re.compile(pattern).search(said, position)
        assert found, f"{promised}\nis not in\n{said[position:]}"
        position = found.end()


def test_the_script_of_the_readme_runs(environment, tmp_path):
    [script] = blocks(ROOT / "README.md", "python")

    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    code, people = done.stdout.split()
    assert len(code) == 12
    assert people == "0"


@pytest.mark.parametrize(
    "document", [d for d in DOCUMENTS if d.name != "README.md"], ids=lambda d: d.name
)
def test_the_commands_of_the_other_documents_run(document, environment, tmp_path):
    script = "\n".join(blocks(document, "sh"))
    for name in ("REFERRAL_DATABASE_URL", "REFERRAL_SECRET"):  # the reader's own stand there
        script = re.sub(rf"(?<={name}=)\S+", shlex.quote(environment[name]), script)

    run_shell(script, environment, tmp_path)


def test_the_readme_lists_every_setting_with_its_default_and_its_meaning():
    import msgspec

    from referral.entrypoints.bootstrap.settings import Settings

    rows = dict(
        re.findall(
            r"^\| `(REFERRAL_\w+)` \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE
        )
    )

    fields = {f"REFERRAL_{f.name.upper()}": f for f in msgspec.structs.fields(Settings)}
    assert rows.keys() == fields.keys()
    for name, field in fields.items():
        assert rows[name].endswith(field.type.__metadata__[0].description)


def test_every_file_and_target_that_the_documents_name_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        text = document.read_text()
        for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
        for file in re.findall(r"`((?:domain|application|adapters|entrypoints)/[\w/]+\.py)`", text):
            assert (ROOT / "src/referral" / file).exists(), f"{document.name}: {file}"
        assert set(re.findall(r"`make ([a-z-]+)`", text)) <= targets, document.name
