"""What endpoints are told, and when."""

from datetime import timedelta

import pytest

from examples import PASSWORD, in_a_week
from referral.domain.accounts.errors import EmailTaken
from referral.domain.programs.errors import ActiveCodeExists, CodeNotUsable
from referral.domain.webhooks.message import PATTERNS

SUBJECTS = ["participant.*", "code.*", "referral.*"]
NOW = "2030-01-01T00:00:00Z"


@pytest.fixture
async def endpoint(create_endpoint):
    made, _ = await create_endpoint(url="https://shop.example.org/", events=SUBJECTS)
    return made


async def test_a_sign_up_is_told(endpoint, sign_up, told):
    ann = await sign_up("ann")

    assert await told(whole=True) == [
        {
            "type": "participant.created",
            "timestamp": NOW,
            "data": {
                "id": str(ann.id),
                "external_id": None,
                "locale": None,
                "created_at": NOW,
                "referrer_id": None,
            },
        }
    ]


async def test_a_sign_up_with_a_code_is_told_with_its_referral(
    *, endpoint, sign_up, told, issue_code, owner, clock
):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    clock.advance(hours=1)
    ann = await sign_up("ann", code=code.text.value)

    *_, joined, created, qualified = await told(whole=True)

    assert joined["data"]["referrer_id"] == str(owner.id)
    assert created == {
        "type": "referral.created",
        "timestamp": "2030-01-01T01:00:00Z",
        "data": {
            "id": str(ann.id),
            "program": "default",
            "terms_version": 1,
            "referrer": f"user:{owner.id}",
            "referee": f"user:{ann.id}",
            "code": code.text.value,
            "status": "qualified",
            "held": False,
            "held_reasons": [],
            "created_at": "2030-01-01T01:00:00Z",
            "qualified_at": "2030-01-01T01:00:00Z",
        },
    }
    assert qualified == {**created, "type": "referral.qualified"}


async def test_no_name_and_no_address_is_told(
    *, endpoint, enrol_participant, sign_up, store, erase_user
):
    ann = await sign_up("ann")
    await enrol_participant(external_id="c-1", email="rose@example.org", username="rose")
    await erase_user(user_id=ann.id, password=PASSWORD)

    told = str([delivery.body for delivery in store.read().deliveries.values()])

    for private in ("rose", "ann@", '"ann"', "example.org", PASSWORD):
        assert private not in told


async def test_a_sign_up_that_is_refused_is_not_told(endpoint, sign_up, register_user, told):
    await sign_up("ann")

    with pytest.raises(EmailTaken):
        await register_user(username="bob", email="ann@example.org", password=PASSWORD)

    assert await told() == ["participant.created"]


async def test_a_participant_is_told_once(endpoint, enrol_participant, told):
    for locale in ("de", "de", "fr"):
        enrolled, _ = await enrol_participant(external_id="c-1", locale=locale)

    [created] = await told(whole=True)

    assert created["type"] == "participant.created"
    assert created["data"] == {
        "id": str(enrolled.id),
        "external_id": "c-1",
        "locale": "de",
        "created_at": NOW,
        "referrer_id": None,
    }


async def test_a_code_is_told_when_it_is_issued_and_retired(
    *, endpoint, issue_code, retire_code, owner, clock, told
):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock), code="SPRING-2030")
    clock.advance(minutes=1)
    await retire_code(owner_id=owner.id, code="SPRING-2030")

    _, issued, retired = await told(whole=True)

    common = {
        "id": code.id,
        "owner": f"user:{owner.id}",
        "program": "default",
        "code": "SPRING-2030",
    }
    assert issued == {
        "type": "code.issued",
        "timestamp": NOW,
        "data": {**common, "expires_at": "2030-01-08T00:00:00Z", "max_uses": None},
    }
    assert retired == {
        "type": "code.retired",
        "timestamp": "2030-01-01T00:01:00Z",
        "data": common,
    }


async def test_a_code_that_is_replaced_is_told_as_retired(endpoint, issue_code, owner, clock, told):
    for text in ("FIRST-1", "SECOND-2"):
        await issue_code(
            owner_id=owner.id, expires_at=in_a_week(clock), code=text, replace_active=True
        )

    codes = [(body["type"], body["data"]["code"]) for body in (await told(whole=True))[1:]]

    assert codes == [
        ("code.issued", "FIRST-1"),
        ("code.retired", "FIRST-1"),
        ("code.issued", "SECOND-2"),
    ]


async def test_a_code_that_is_refused_is_not_told(endpoint, issue_code, owner, clock, told):
    await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    with pytest.raises(ActiveCodeExists):
        await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    assert await told() == ["participant.created", "code.issued"]


async def test_who_is_joined_is_told(
    *, endpoint, enrol_participant, issue_participant_code, refer_participant, clock, told
):
    for external_id in ("c-1", "c-2"):
        await enrol_participant(external_id=external_id)
    await issue_participant_code(participant="c-1", expires_at=in_a_week(clock), code="ROSE-2030")
    for _ in range(2):
        await refer_participant(code="ROSE-2030", participant="c-2")

    messages = await told(whole=True)

    assert [body["type"] for body in messages] == [
        *("participant.created", "participant.created", "code.issued"),
        *("referral.created", "referral.qualified"),
    ]
    assert messages[2]["data"]["owner"] == "c-1"
    assert [messages[3]["data"][name] for name in ("referrer", "referee")] == ["c-1", "c-2"]


async def test_a_referral_that_does_not_qualify_at_once_is_told_as_created_alone(
    *,
    endpoint,
    create_program,
    change_program,
    enrol_participant,
    told,
    clock,
    issue_participant_code,
    refer_participant,
):
    terms = {"qualification": {"event": "purchase"}}
    await create_program(slug="summer", name="Summer", terms=terms)
    await change_program(slug="summer", status="active")
    for external_id in ("c-1", "c-2"):
        await enrol_participant(external_id=external_id)
    await issue_participant_code(
        participant="c-1", expires_at=in_a_week(clock), code="ROSE-2030", program="summer"
    )
    await refer_participant(code="ROSE-2030", participant="c-2")

    last = (await told(whole=True))[-1]

    assert (last["type"], last["data"]["status"]) == ("referral.created", "signed_up")
    assert last["data"]["qualified_at"] is None


async def test_referrals_that_expire_are_told(
    *,
    endpoint,
    create_program,
    change_program,
    enrol_participant,
    told,
    clock,
    issue_participant_code,
    refer_participant,
    expire_referrals,
):
    terms = {"qualification": {"event": "purchase", "within_days": 30}}
    await create_program(slug="summer", name="Summer", terms=terms)
    await change_program(slug="summer", status="active")
    for external_id in ("c-1", "c-2"):
        await enrol_participant(external_id=external_id)
    await issue_participant_code(
        participant="c-1", expires_at=in_a_week(clock), code="ROSE-2030", program="summer"
    )
    await refer_participant(code="ROSE-2030", participant="c-2")
    clock.advance(days=31)
    for _ in range(2):
        await expire_referrals()

    created, expired = (await told(whole=True))[-2:]

    assert (created["type"], expired["type"]) == ("referral.created", "referral.expired")
    assert expired == {
        "type": "referral.expired",
        "timestamp": "2030-02-01T00:00:00Z",
        "data": {**created["data"], "status": "expired"},
    }


async def test_an_erasure_is_told_with_the_codes_that_it_retires(
    *, endpoint, enrol_participant, issue_participant_code, erase_participant, clock, told
):
    enrolled, _ = await enrol_participant(external_id="c-1")
    await issue_participant_code(participant="c-1", expires_at=in_a_week(clock), code="ROSE-2030")
    clock.advance(hours=1)
    await erase_participant(participant="c-1")

    *_, retired, erased = await told(whole=True)

    assert (retired["type"], retired["data"]["code"]) == ("code.retired", "ROSE-2030")
    assert erased == {
        "type": "participant.erased",
        "timestamp": "2030-01-01T01:00:00Z",
        "data": {
            "id": str(enrolled.id),
            "external_id": "c-1",
            "erased_at": "2030-01-01T01:00:00Z",
        },
    }


async def test_without_an_endpoint_that_hears_nothing_is_kept(
    store, create_endpoint, sign_up, issue_code, clock
):
    deaf = [pattern for pattern in PATTERNS if pattern.startswith("reward")]
    await create_endpoint(url="https://shop.example.org/", events=deaf)

    ann = await sign_up("ann")
    await issue_code(owner_id=ann.id, expires_at=in_a_week(clock))
    with pytest.raises(CodeNotUsable):
        await sign_up("bob", code="NOBODYS-1")

    assert store.read().deliveries == {}


async def test_the_longest_message_is_far_below_20_kb(
    *, endpoint, enrol_participant, issue_participant_code, refer_participant, clock, told, store
):
    longest = ["𝒳" * 127 + digit for digit in "12"]
    for external_id in longest:
        await enrol_participant(external_id=external_id, locale="de-AT")
    await issue_participant_code(
        participant=longest[0],
        expires_at=clock.now() + timedelta(days=3650),
        code="X" * 32,
    )
    await refer_participant(code="X" * 32, participant=longest[1])

    bodies = [delivery.body for delivery in store.read().deliveries.values()]

    assert len(bodies) == 5
    assert all(body.isascii() for body in bodies)
    assert max(map(len, bodies)) < 5_000
