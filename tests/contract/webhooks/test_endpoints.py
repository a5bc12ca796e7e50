from datetime import timedelta

import pytest

from concurrency import outcomes_of
from examples import NOW, an_endpoint, an_id
from referral.application.pages import ListRequest
from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.errors import EndpointNotFound

WHOLE = an_endpoint(
    2,
    description="Die Punkte der Kasse ✓",
    former_secret=b"what it was",
    former_until=NOW + timedelta(hours=24),
    disabled_at=NOW,
    disabled_because="It was disabled by hand.",
)


async def test_an_endpoint_is_found_and_listed_as_it_was_added(endpoints):
    for endpoint in (an_endpoint(1), WHOLE):
        await endpoints.add(endpoint)

    assert await endpoints.find(an_endpoint(1).id) == an_endpoint(1)
    assert await endpoints.find(WHOLE.id) == WHOLE
    page = await endpoints.page_of(ListRequest())
    assert page.items == [WHOLE, an_endpoint(1)]
    assert page.next_cursor is None


async def test_the_list_is_walked_from_the_newest_to_the_oldest(endpoints):
    for number in (3, 1, 5, 2, 4):
        await endpoints.add(an_endpoint(number))

    walked, cursor = [], None
    while True:
        page = await endpoints.page_of(ListRequest.of(limit=2, cursor=cursor))
        walked.append([endpoint.id for endpoint in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break

    assert walked == [[an_id(5), an_id(4)], [an_id(3), an_id(2)], [an_id(1)]]


async def test_all_that_can_change_is_saved(store, endpoints):
    await endpoints.add(an_endpoint(2))
    await endpoints.add(an_endpoint(3))
    changed = an_endpoint(
        2,
        url="https://example.net/",
        events=("reward.*",),
        description=WHOLE.description,
        secret=b"another",
        former_secret=WHOLE.former_secret,
        former_until=WHOLE.former_until,
        disabled_at=WHOLE.disabled_at,
        disabled_because=WHOLE.disabled_because,
        failures=3,
        failing_since=NOW - timedelta(hours=1),
        paused_until=NOW + timedelta(hours=1),
    )

    async with store.begin() as tx:
        assert await tx.endpoints.lock(changed.id) == an_endpoint(2)
        await tx.endpoints.save(changed)

    assert await endpoints.find(changed.id) == changed
    assert await endpoints.find(an_endpoint(3).id) == an_endpoint(3)


async def test_a_pause_ends_early_and_one_that_is_over_stays_as_it_was(store, endpoints):
    hour = timedelta(hours=1)
    over = an_endpoint(2, failures=1, failing_since=NOW - hour, paused_until=NOW - hour)
    for endpoint in (an_endpoint(1, paused_until=NOW + hour), over, an_endpoint(3)):
        await endpoints.add(endpoint)

    for number in (1, 2, 3, 404):
        await endpoints.end_pause(EndpointId(an_id(number)), NOW)

    assert await endpoints.find(an_endpoint(1).id) == an_endpoint(1, paused_until=NOW)
    assert await endpoints.find(over.id) == over
    assert await endpoints.find(an_endpoint(3).id) == an_endpoint(3)


async def test_a_deleted_endpoint_is_there_no_more(store, endpoints):
    for number in (1, 2):
        await endpoints.add(an_endpoint(number))

    await endpoints.delete(an_endpoint(1).id, NOW)

    assert (await endpoints.page_of(ListRequest())).items == [an_endpoint(2)]
    with pytest.raises(EndpointNotFound):
        await endpoints.find(an_endpoint(1).id)
    async with store.begin() as tx:
        with pytest.raises(EndpointNotFound):
            await tx.endpoints.lock(an_endpoint(1).id)


async def test_an_endpoint_is_deleted_once(endpoints):
    await endpoints.add(an_endpoint())

    outcomes = await outcomes_of(endpoints.delete(an_endpoint().id, NOW) for _ in range(5))

    assert outcomes == {"done": 1, "EndpointNotFound": 4}


async def test_an_endpoint_that_nobody_made_is_not_found(endpoints):
    with pytest.raises(EndpointNotFound):
        await endpoints.find(EndpointId(an_id(404)))
    with pytest.raises(EndpointNotFound):
        await endpoints.delete(EndpointId(an_id(404)), NOW)
