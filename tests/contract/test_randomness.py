import re
import time
import uuid

import pytest

from fakes import FakeRandomness
from referral.adapters.system import SystemRandomness
from referral.domain.access.api_key import ALPHABET
from referral.domain.programs.referral_code import UNAMBIGUOUS, CodeText

MANY = 1000


@pytest.fixture(params=[FakeRandomness, SystemRandomness], ids=["fake", "system"])
def randomness(request):
    return request.param()


def test_no_value_comes_twice(randomness):
    for draw in (
        randomness.new_id,
        randomness.code_text,
        randomness.api_key_secret,
        randomness.refresh_token,
        randomness.webhook_secret,
    ):
        assert len({draw() for _ in range(MANY)}) == MANY


def test_an_id_is_a_uuid_of_version_7(randomness):
    for new_id in (randomness.new_id() for _ in range(MANY)):
        assert (new_id.version, new_id.variant) == (7, uuid.RFC_4122)


def test_an_id_of_a_later_millisecond_sorts_after_an_earlier_one(randomness):
    earlier = randomness.new_id()
    started = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == started:
        pass

    assert earlier < randomness.new_id()


def test_a_code_has_12_characters_that_cannot_be_mistaken(randomness):
    for text in (randomness.code_text().value for _ in range(MANY)):
        assert CodeText.parse(text).value == text
        assert len(text) == 12
        assert set(text) <= set(UNAMBIGUOUS)


def test_a_refresh_token_is_url_safe_and_long_enough_for_256_bits(randomness):
    assert re.fullmatch(r"[A-Za-z0-9_-]{43,}", randomness.refresh_token())


def test_a_webhook_secret_has_as_many_bytes_as_the_standard_asks_for(randomness):
    assert len(randomness.webhook_secret()) in range(24, 65)


def test_the_secret_of_an_api_key_has_30_letters_and_digits(randomness):
    for secret in (randomness.api_key_secret() for _ in range(MANY)):
        assert re.fullmatch(r"[0-9A-Za-z]{30}", secret)


def test_the_systems_api_keys_use_the_whole_alphabet():
    drawn = "".join(SystemRandomness().api_key_secret() for _ in range(MANY))

    assert set(drawn) == set(ALPHABET)


def test_c11_the_systems_codes_use_the_whole_alphabet():
    drawn = "".join(SystemRandomness().code_text().value for _ in range(MANY))

    assert set(drawn) == set(UNAMBIGUOUS)


def test_the_systems_ids_begin_with_the_time():
    before = time.time_ns() // 1_000_000
    new_id = SystemRandomness().new_id()

    assert before <= new_id.int >> 80 <= time.time_ns() // 1_000_000


def test_the_fake_draws_what_it_is_given_first():
    randomness = FakeRandomness(code_texts=["AAAAAAAAAAAA"])

    assert randomness.code_text() == CodeText("AAAAAAAAAAAA")
    assert randomness.code_text() != randomness.code_text()
