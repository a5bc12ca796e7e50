"""Making, listing, changing and deleting webhook endpoints."""

import base64
from datetime import timedelta

import pytest

from examples import an_id
from referral.application.webhooks.create_endpoint import PER_CALLER
from referral.application.webhooks.endpoint_rules import EndpointRules
from referral.domain.access.caller import OPERATOR, Caller, KeyId, Scope
from referral.domain.access.errors import MissingScope, TooManyAttempts
from referral.domain.errors import InvalidInput
from referral.domain.webhooks.endpoint import EndpointId, EndpointStatus
from referral.domain.webhooks.errors import EndpointNotFound

URL = "https://shop.example.org/hooks"
NOBODYS = EndpointId(an_id(404))


def a_server(*scopes: Scope, number: int = 900) -> Caller:
    return Caller(key_id=KeyId(an_id(number)), scopes=frozenset(scopes))


@pytest.fixture
def make(create_endpoint):
    async def make(url=URL, events=("referral.*",), **more):
        return await create_endpoint(url=url, events=events, **more)

    return make


async def test_an_endpoint_is_shown_and_listed_as_it_was_made(make, show_endpoint, list_endpoints):
    plain, _ = await make()
    whole, _ = await make("https://example.net/", ["reward.*", "code.issued"], description="Points")

    assert (whole.url, whole.events) == ("https://example.net/", ("reward.*", "code.issued"))
    assert (whole.description, whole.status) == ("Points", EndpointStatus.ACTIVE)
    assert await show_endpoint(endpoint_id=whole.id) == whole
    assert (await list_endpoints()).items == [whole, plain]
    first = await list_endpoints(limit=1)
    assert first.next_cursor == whole.id.int
    assert (await list_endpoints(cursor=first.next_cursor)).items == [plain]


async def test_the_secret_is_shown_once_and_kept_sealed(make, sealing):
    endpoint, secret = await make()

    sealed = endpoint.secret
    assert secret.startswith("whsec_")
    assert sealing.opened(sealed) == base64.b64decode(secret.removeprefix("whsec_"))
    assert sealed.startswith(b"sealed")


async def test_all_that_is_wrong_with_a_new_endpoint_is_told_at_once(make, list_endpoints):
    with pytest.raises(InvalidInput) as refused:
        await make("http://example.org", [], description="")

    assert [(v.field, v.detail) for v in refused.value.violations] == [
        ("url", "An endpoint has an https address; http is for development alone."),
        (
            "events",
            "Events are one or more types such as `referral.created`, or all of a subject as `reward.*`.",
        ),
        (
            "description",
            "A description has 1 to 200 printable characters, and no blanks at its ends.",
        ),
    ]
    assert (await list_endpoints()).items == []


def test_for_development_an_endpoint_is_on_this_machine():
    rules = EndpointRules(private_networks=True)

    assert rules.url("http://localhost:8080/") == "http://localhost:8080/"


async def test_what_is_changed_is_changed_and_the_rest_stays(make, change_endpoint, show_endpoint):
    made, _ = await make(description="Points")

    changed = await change_endpoint(
        endpoint_id=made.id, url="https://example.net/", events=["code.*"]
    )

    assert (changed.url, changed.events) == ("https://example.net/", ("code.*",))
    assert (changed.description, changed.secret) == ("Points", made.secret)
    assert await show_endpoint(endpoint_id=made.id) == changed
    assert await change_endpoint(endpoint_id=made.id) == changed
    described = await change_endpoint(endpoint_id=made.id, description="Miles")
    assert described.description == "Miles"
    cleared = await change_endpoint(endpoint_id=made.id, description=None)
    assert cleared.description is None


async def test_all_that_is_wrong_with_a_change_is_told_and_nothing_is_changed(
    make, change_endpoint, show_endpoint
):
    made, _ = await make()

    with pytest.raises(InvalidInput) as refused:
        await change_endpoint(
            endpoint_id=made.id, url="x", events=["x"], description="", status="paused"
        )

    assert [v.field for v in refused.value.violations] == ["url", "events", "description", "status"]
    assert await show_endpoint(endpoint_id=made.id) == made


async def test_an_endpoint_is_disabled_and_enabled(make, change_endpoint, clock):
    made, _ = await make()
    clock.advance(hours=1)

    disabled = await change_endpoint(endpoint_id=made.id, status="disabled")

    assert (disabled.disabled_at, disabled.status.value) == (clock.now(), "disabled")
    assert await change_endpoint(endpoint_id=made.id, status="active") == made


async def test_a_rotated_secret_is_another_and_the_old_one_signs_along(
    make, rotate_secret, show_endpoint, clock, sealing
):
    made, old = await make()
    clock.advance(days=1)

    rotated, new = await rotate_secret(endpoint_id=made.id)

    assert new != old
    assert await show_endpoint(endpoint_id=made.id) == rotated
    assert rotated.former_until == clock.now() + timedelta(hours=24)
    opened = [sealing.opened(sealed) for sealed in rotated.secrets(clock.now())]
    assert opened == [base64.b64decode(s.removeprefix("whsec_")) for s in (new, old)]


async def test_a_deleted_endpoint_is_there_no_more(
    make, delete_endpoint, show_endpoint, change_endpoint, rotate_secret
):
    made, _ = await make()

    await delete_endpoint(endpoint_id=made.id)

    for call in (delete_endpoint, show_endpoint, change_endpoint, rotate_secret):
        with pytest.raises(EndpointNotFound):
            await call(endpoint_id=made.id)


async def test_each_call_needs_its_scope(
    *, make, list_endpoints, show_endpoint, change_endpoint, delete_endpoint, rotate_secret
):
    reader, other = a_server(Scope.WEBHOOKS_READ), a_server(Scope.KEYS_WRITE)
    made, _ = await make()

    assert await show_endpoint(endpoint_id=made.id, caller=reader) == made
    assert (await list_endpoints(caller=reader)).items == [made]
    with pytest.raises(MissingScope, match="webhooks:read"):
        await show_endpoint(endpoint_id=made.id, caller=other)
    with pytest.raises(MissingScope, match="webhooks:read"):
        await list_endpoints(caller=other)
    with pytest.raises(MissingScope, match="webhooks:write"):
        await make(caller=reader)
    for write in (change_endpoint, delete_endpoint, rotate_secret):
        with pytest.raises(MissingScope, match="webhooks:write"):
            await write(endpoint_id=made.id, caller=reader)
    assert (await list_endpoints()).items == [made]


async def test_a_server_with_the_scope_may_do_all_of_it(
    make, change_endpoint, rotate_secret, delete_endpoint
):
    server = a_server(Scope.WEBHOOKS_WRITE)

    made, _ = await make(caller=server)
    await change_endpoint(endpoint_id=made.id, events=["code.*"], caller=server)
    await rotate_secret(endpoint_id=made.id, caller=server)
    await delete_endpoint(endpoint_id=made.id, caller=server)


async def test_nobody_makes_endpoints_without_end(make, clock):
    server = a_server(Scope.WEBHOOKS_WRITE)
    for _ in range(PER_CALLER.hits):
        await make(caller=server)

    with pytest.raises(TooManyAttempts):
        await make(caller=server)

    await make(caller=a_server(Scope.WEBHOOKS_WRITE, number=901))
    await make(caller=OPERATOR)
    clock.advance(hours=1)
    await make(caller=server)


async def test_what_is_done_about_endpoints_is_recorded(
    make, change_endpoint, rotate_secret, delete_endpoint, audit_log
):
    server = a_server(Scope.WEBHOOKS_WRITE)
    made, secret = await make(caller=server)
    await change_endpoint(endpoint_id=made.id, status="disabled", caller=server)
    await rotate_secret(endpoint_id=made.id, caller=server)
    await delete_endpoint(endpoint_id=made.id, caller=server)
    with pytest.raises(EndpointNotFound):
        await delete_endpoint(endpoint_id=NOBODYS, caller=server)

    by = {"key_id": server.key_id, "outcome": "done", "endpoint_id": made.id}
    assert audit_log.deeds == [
        {"action": "create-endpoint", **by},
        {"action": "change-endpoint", **by},
        {"action": "rotate-secret", **by},
        {"action": "delete-endpoint", **by},
        {
            "action": "delete-endpoint",
            "key_id": server.key_id,
            "endpoint_id": NOBODYS,
            "outcome": "endpoint-not-found",
        },
    ]
    assert secret not in str(audit_log.deeds)
