"""Whatever is sent, the service does what its OpenAPI description says; schemathesis thinks up what is sent."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from operators import make_keys
from referral.domain.access.caller import Scope
from servers import eventually, running

HERE = Path(__file__).parent

# How many calls to make at least, chosen at random. Without it there are few, and always the same ones:
# what a change breaks, it breaks at once.
EXAMPLES = int(os.environ.get("REFERRAL_TEST_FUZZ_EXAMPLES", "0"))
# What the key may do of those who have one: everything, or where there are many calls, also one thing alone.
CALLERS = {"signed-in": [*Scope], "anonymous": [*Scope]}
if EXAMPLES:
    CALLERS |= {f"with {scope} alone": [scope] for scope in Scope}
OPERATIONS = 60  # schemathesis counts for each

pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.fixture(scope="module")
def server(databases, tmp_path_factory):
    with (
        databases.migrated() as url,
        running(tmp_path_factory.mktemp("fuzz"), url) as server,
    ):
        yield server


@pytest.fixture
def key(server, caller):
    """One with the caller's scopes, which the server knows."""
    [key] = make_keys(server.database_url, shop=CALLERS[caller]).values()
    eventually(lambda: httpx.get(f"{server.api}/keys", headers=key.bearer).status_code != 401)
    return key


@pytest.mark.parametrize("caller", CALLERS)
def test_the_service_does_what_its_description_says(caller, server, key, tmp_path):
    per_operation = EXAMPLES // len(CALLERS) // OPERATIONS or 5

    done = subprocess.run(
        [
            *(sys.executable, "-c", "import schemathesis.cli; schemathesis.cli.schemathesis()"),
            *("--config-file", HERE / "schemathesis.toml"),
            *("run", f"{server.address}/openapi.json", "--max-examples", str(per_operation)),
            *([] if EXAMPLES else ["--seed", "1"]),
        ],
        env={
            **os.environ,
            "PYTHONPATH": str(HERE),
            "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
            "REFERRAL_TEST_FUZZED_API": server.api,
            "REFERRAL_TEST_FUZZED_AS": "nobody" if caller == "anonymous" else "somebody",
            "REFERRAL_TEST_FUZZED_KEY": key.secret,
        },
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300 + EXAMPLES / 20,
        check=False,
    )

    sys.stdout.write(done.stdout)
    assert done.returncode == 0
    generated = re.search(r"^ +(\d+) generated", done.stdout, re.MULTILINE)
    assert generated
    assert int(generated[1]) >= EXAMPLES // len(CALLERS)
