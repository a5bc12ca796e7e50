"""Someone who stole a refresh token and exchanges it as fast as can be, against the two ways to stop them.

REFERRAL_TEST_FAMILIES says how many families of tokens are stolen each time.
"""

import asyncio
import os

import pytest

from people import log_in

FAMILIES = int(os.environ.get("REFERRAL_TEST_FAMILIES", "20"))
pytestmark = pytest.mark.anyio


@pytest.fixture
async def calls(server):
    async with server.crowd() as client:
        yield client


async def refresh(calls, token):
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return await calls.post("/auth/token", data=form)


async def revoke(calls, token):
    return await calls.post("/auth/revoke", data={"token": token})


class Thief:
    """Exchanges a token for the next, again and again; `survived` if that works after it was stopped."""

    def __init__(self, calls, stolen):
        self.tokens = [stolen]
        self.is_under_way = asyncio.Event()
        self.was_stopped = False
        self.survived = False
        self.rotating = asyncio.create_task(self._rotate(calls))

    async def _rotate(self, calls):
        while not self.survived:
            began_afterwards = self.was_stopped
            answer = await refresh(calls, self.tokens[-1])
            if answer.status_code != 200:
                assert answer.status_code == 401, answer.text
                return
            self.survived = began_afterwards
            self.tokens.append(answer.json()["refresh_token"])
            if len(self.tokens) > 3:
                self.is_under_way.set()


@pytest.fixture
def steal(client, calls, ann):
    """A thief who is under way with a new family of Ann's tokens."""

    async def steal():
        thief = Thief(calls, log_in(client, ann.username)["refresh_token"])
        await thief.is_under_way.wait()
        return thief

    return steal


@pytest.mark.parametrize("which", ["the first", "the latest"])
async def test_a_family_that_was_revoked_does_not_survive_in_a_thiefs_hands(calls, steal, which):
    survived = 0
    for _ in range(FAMILIES):
        thief = await steal()
        answer = await revoke(calls, thief.tokens[0 if which == "the first" else -1])
        thief.was_stopped = True
        await thief.rotating
        assert answer.status_code == 200
        survived += thief.survived

    assert survived == 0


async def test_a_family_of_which_a_spent_token_came_back_does_not_survive_either(calls, steal):
    survived = 0
    for _ in range(FAMILIES):
        thief = await steal()
        answer = await refresh(calls, thief.tokens[0])
        thief.was_stopped = True
        await thief.rotating
        assert answer.status_code == 401
        survived += thief.survived

    assert survived == 0


async def test_f25_spent_tokens_that_come_back_together_wait_for_each_other(calls, steal):
    survived = 0
    for _ in range(FAMILIES):
        thief = await steal()
        spent = thief.tokens[:3]
        answers = await asyncio.gather(
            *(call(calls, token) for token in spent for call in (refresh, revoke))
        )
        thief.was_stopped = True
        await thief.rotating
        assert {answer.status_code for answer in answers} == {200, 401}, "no deadlock, no 503"
        survived += thief.survived

    assert survived == 0
