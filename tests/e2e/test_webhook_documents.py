"""What the documents say of webhooks is so."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import pytest

from operators import make_keys
from referral.entrypoints.http.api.messages import MESSAGES
from servers import eventually, free_port, running

PAGE = Path(__file__).parents[2] / "docs/webhooks.md"


@pytest.fixture(scope="module")
def server(databases, tmp_path_factory):
    with (
        databases.migrated() as url,
        running(tmp_path_factory.mktemp("receiver"), url, webhook_private_networks="on") as server,
    ):
        yield server


@pytest.fixture
def shop(server):
    [key] = make_keys(server.database_url, shop=["webhooks:write"]).values()
    with server.client() as client:
        client.headers.update(key.bearer)
        eventually(lambda: client.get("/webhooks").is_success)
        yield client


def test_the_receiver_of_the_documents_takes_what_is_signed_and_nothing_else(shop, tmp_path):
    [program] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(program.splitlines()) <= 28
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    made = shop.post("/webhooks", json={"url": address, "events": ["code.issued"]}).json()
    printed = tmp_path / "printed"
    with printed.open("w") as output:
        receiver = subprocess.Popen(
            [sys.executable, "-c", program.replace("9000", str(port))],
            env={**os.environ, "WEBHOOK_SECRET": made["secret"]},
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
    try:
        eventually(lambda: answers(address))
        shop.post(f"/webhooks/{made['id']}/test")
        eventually(printed.read_text)
    finally:
        receiver.terminate()
        receiver.wait(10)

    assert printed.read_text() == f"webhook.test {{'endpoint_id': '{made['id']}'}}\n"


def answers(address):
    try:
        return httpx.post(address, content=b"{}").status_code == 400
    except httpx.TransportError:
        return False


def test_every_message_that_is_sent_is_described_with_a_schema_and_an_example(server):
    document = server.get("/openapi.json").json()

    assert document["webhooks"].keys() == {kind.value for kind in MESSAGES}
    for kind, described in MESSAGES.items():
        content = document["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]
        assert content["schema"]["properties"]["type"] == {"const": kind}
        reference = content["schema"]["properties"]["data"]["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][reference]
        example = content["example"]
        assert example["type"] == kind
        assert example["data"].keys() == schema["properties"].keys() == {*schema["required"]}
        msgspec.convert(example["data"], described.data)


def test_the_page_lists_every_message_that_is_sent():
    rows = re.findall(r"^\| `([a-z.]+)` \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert dict(rows).keys() == {kind.value for kind in MESSAGES}
