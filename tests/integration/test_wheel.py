"""The package that `make wheel` builds is whole."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from databases import query

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The directory that the wheel was unpacked into."""
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", directory],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = directory.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory / "installed")
    return directory / "installed"


def test_an_installed_wheel_can_migrate(installed, databases, tmp_path):
    with databases.blank() as url:
        done = subprocess.run(
            [sys.executable, "-m", "referral", "migrate"],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(installed),
                "REFERRAL_DATABASE_URL": url,
                "REFERRAL_SECRET": "0123456789abcdef0123456789abcdef",
            },
            check=True,
            capture_output=True,
            text=True,
        )

        assert done.stdout == "The database is up to date.\n"
        assert query(url, "SELECT count(*) FROM users") == [(0,)]


def test_a_wheel_carries_the_scripts_of_the_documentation_and_no_foreign_code(installed):
    assets = installed / "referral/entrypoints/http/assets"

    assert {"swagger-ui-bundle.js", "redoc.standalone.js", "scalar.standalone.js"} <= {
        file.name for file in assets.rglob("*.js")
    }
    assert not list(assets.rglob("*.py"))
