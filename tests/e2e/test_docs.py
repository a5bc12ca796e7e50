"""The service's description of itself, for people and for tools."""

import re

import httpx
import pytest
import yaml

from servers import eventually, running


@pytest.fixture(scope="module")
def document(server):
    return server.get("/openapi.json").json()


def operations(document):
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_the_root_sends_a_browser_to_the_documentation(server):
    answer = httpx.get(server.address, follow_redirects=True)

    assert answer.url.path == "/docs"
    for reader in ("swagger", "redoc", "scalar"):
        assert f"/docs/{reader}" in answer.text


@pytest.mark.parametrize("reader", ["swagger", "redoc", "scalar"])
def test_each_reader_is_served_whole_by_the_service_itself(server, reader):
    page = server.get(f"/docs/{reader}")

    sources = re.findall(r'(?:src|href|spec-url|data-url)="([^"]+)"', page.text)
    assert all(source.startswith(("/", "data:")) for source in sources)
    for source in sources:
        if source.startswith("/"):
            answer = server.get(source)
            assert answer.status_code == 200
            assert len(answer.content) > 10_000
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_the_document_is_there_as_json_and_as_yaml(server, document):
    assert document["openapi"].startswith("3.1")
    assert yaml.safe_load(server.get("/openapi.yaml").text) == document


def test_every_call_is_described(document):
    calls = {
        (method.upper(), path.removeprefix("/api/v1")) for path, method, _ in operations(document)
    }

    assert calls == {
        ("POST", "/auth/user"),
        ("POST", "/auth/user/{code}"),
        ("POST", "/auth/token"),
        ("POST", "/auth/revoke"),
        ("GET", "/users/me"),
        ("DELETE", "/users/me"),
        ("POST", "/users/me/password"),
        ("GET", "/users/{user_id}"),
        ("GET", "/users/{user_id}/referrals"),
        ("POST", "/codes"),
        ("GET", "/codes"),
        ("GET", "/codes/{email_or_code}"),
        ("DELETE", "/codes/{email_or_code}"),
        ("GET", "/codes/{email_or_code}/status"),
        ("POST", "/keys"),
        ("GET", "/keys"),
        ("DELETE", "/keys/{key_id}"),
        ("PUT", "/participants/{participant}"),
        ("GET", "/participants/{participant}"),
        ("DELETE", "/participants/{participant}"),
        ("POST", "/participants/{participant}/codes"),
        ("GET", "/participants/{participant}/codes"),
        ("GET", "/participants/{participant}/referrals"),
        ("POST", "/referrals"),
        ("GET", "/referrals"),
        ("GET", "/referrals/{referral_id}"),
        ("GET", "/referrals/{referral_id}/explanation"),
        ("GET", "/reviews"),
        ("POST", "/reviews/{referral_id}/release"),
        ("POST", "/reviews/{referral_id}/reject"),
        ("GET", "/users/me/rewards"),
        ("GET", "/users/me/balance"),
        ("GET", "/participants/{participant}/rewards"),
        ("GET", "/participants/{participant}/balance"),
        ("GET", "/rewards"),
        ("POST", "/rewards/{reward_id}/approve"),
        ("POST", "/rewards/{reward_id}/hold"),
        ("POST", "/rewards/{reward_id}/reject"),
        ("POST", "/payouts"),
        ("GET", "/payouts"),
        ("GET", "/payouts/{payout_id}"),
        ("GET", "/payouts/export.csv"),
        ("POST", "/programs"),
        ("GET", "/programs"),
        ("GET", "/programs/{slug}"),
        ("PATCH", "/programs/{slug}"),
        ("POST", "/programs/{slug}/backtest"),
        ("POST", "/programs/{slug}/terms"),
        ("GET", "/programs/{slug}/terms/{version}"),
        ("POST", "/events"),
        ("POST", "/events/batch"),
        ("POST", "/webhooks"),
        ("GET", "/webhooks"),
        ("GET", "/webhooks/{endpoint_id}"),
        ("PATCH", "/webhooks/{endpoint_id}"),
        ("DELETE", "/webhooks/{endpoint_id}"),
        ("POST", "/webhooks/{endpoint_id}/rotate-secret"),
        ("POST", "/webhooks/{endpoint_id}/test"),
        ("GET", "/webhooks/{endpoint_id}/deliveries"),
        ("POST", "/webhooks/{endpoint_id}/replay"),
    }


def test_every_operation_has_an_id_of_its_own_a_summary_and_a_text(document):
    ids = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(ids) == len(set(ids))
    for _, _, operation in operations(document):
        assert operation["summary"]
        assert operation["description"]


def test_every_list_says_how_it_is_walked(document):
    def members(operation):
        schema = operation["responses"].get("200", {}).get("content", {})
        name = (
            schema.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
        )
        return document["components"]["schemas"].get(name, {}).get("properties", {})

    for path, method, operation in operations(document):
        taken = {parameter["name"] for parameter in operation.get("parameters", [])}
        if "pages" in members(operation):
            assert taken >= {"page", "size"}, (path, method)
        elif "next_cursor" in members(operation):
            assert taken >= {"limit", "cursor"}, (path, method)
        assert taken >= set(re.findall(r"{(\w+)}", path)), (path, method)


def test_a_body_that_may_be_left_out_is_described_so(document):
    optional = {
        path
        for path, _, operation in operations(document)
        if not operation.get("requestBody", {"required": True})["required"]
    }

    assert optional == {"/api/v1/rewards/{reward_id}/approve"}


def test_the_document_is_the_same_each_time(document):
    names = [*document["components"]["schemas"]]

    assert names == sorted(names)


def test_every_refusal_is_described_as_a_problem_with_examples(server, document):
    for path, method, operation in operations(document):
        refusals = {s: r for s, r in operation["responses"].items() if s >= "400"}
        assert "503" in refusals, (path, method)
        assert ("401" in refusals) == ("security" in operation or path.endswith("/token"))
        if "requestBody" in operation:
            assert refusals.keys() >= {"400", "413", "415", "422"}, (path, method)
        for status, response in refusals.items():
            assert list(response["content"]) == ["application/problem+json"], (path, status)
            examples = response["content"]["application/problem+json"]["examples"]
            for slug, example in examples.items():
                assert example["value"]["type"] == f"/problems/{slug}"
                assert str(example["value"]["status"]) == status
                assert server.get(f"/problems/{slug}").status_code == 200


def test_every_call_with_a_token_says_that_its_account_may_be_erased(document):
    for path, method, operation in operations(document):
        if "security" in operation:
            refused = operation["responses"]["401"]["content"]["application/problem+json"]
            explained = refused["examples"]["invalid-access-token"]["description"]
            assert "its account was erased" in explained, (path, method)
    assert "user-not-found" not in str(document)


def test_every_write_and_no_read_says_that_its_outcome_may_be_unknown(document):
    for path, method, operation in operations(document):
        refused = operation["responses"]["503"]["content"]["application/problem+json"]
        assert ("outcome-unknown" in refused["examples"]) == (method != "get"), (path, method)


def test_one_can_authorise_by_token_or_by_password(document):
    schemes = document["components"]["securitySchemes"]

    assert schemes["bearer"]["scheme"] == "bearer"
    assert schemes["password"]["flows"]["password"]["tokenUrl"] == "/api/v1/auth/token"
    bodies = document["paths"]["/api/v1/auth/token"]["post"]["requestBody"]["content"]
    assert bodies.keys() == {"application/json", "application/x-www-form-urlencoded"}


def test_no_reference_in_the_document_leads_nowhere(document):
    references = set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(document)))

    assert references
    assert references <= document["components"]["schemas"].keys()


def test_health_and_metrics_answer(server, client, ann):
    ann.get("/users/me")

    assert server.get("/health/live").json() == {"status": "alive"}
    assert server.get("/health/ready").json() == {"status": "ready"}
    assert re.search(
        r'^referral_requests_total\{method="GET",route="/api/v1/users/me",status="200"\} [1-9]',
        server.get("/metrics").text,
        re.MULTILINE,
    )


def test_health_and_metrics_tell_what_waits_for_webhook_endpoints(server):
    delivery = {"status": "delivering", "waiting": 0, "oldest_due_seconds": 0.0}

    # A worker knows after its first look.
    eventually(lambda: server.get("/health/delivery").json() == delivery)
    eventually(lambda: "\nreferral_webhook_backlog 0.0\n" in server.get("/metrics").text)


def test_documentation_and_metrics_can_be_closed(databases, tmp_path):
    with databases.migrated() as url, running(tmp_path, url, docs="off", metrics="off") as server:
        for path in ("/docs", "/docs/swagger", "/openapi.json", "/openapi.yaml", "/metrics"):
            assert server.get(path).status_code == 404
        assert server.get("/health/live").status_code == 200
