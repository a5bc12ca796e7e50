import pytest

from fakes import FakeSealing
from referral.adapters.credentials.fernet_sealing import FernetSealing

OLD, NEW = "an old secret of thirty-two bytes", "a new secret of thirty-two bytes."


@pytest.fixture(params=["fake", "fernet"])
def sealing_with(request):
    return FakeSealing if request.param == "fake" else lambda secret: FernetSealing([secret])


def test_what_was_sealed_is_opened_again(sealing_with):
    assert sealing_with(NEW).opened(sealing_with(NEW).seal(b"content")) == b"content"


def test_what_another_secret_sealed_is_not_opened(sealing_with):
    assert sealing_with(NEW).opened(sealing_with(OLD).seal(b"content")) is None


def test_what_was_changed_is_not_opened(sealing_with):
    assert sealing_with(NEW).opened(b"changed" + sealing_with(NEW).seal(b"content")) is None


def test_what_was_sealed_tells_nothing_of_its_content():
    sealed = FernetSealing([NEW]).seal(b"content")

    assert b"content" not in sealed
    assert FernetSealing([NEW]).seal(b"content") != sealed


def test_b18_a_previous_secret_still_opens_what_it_sealed():
    sealed = FernetSealing([OLD]).seal(b"content")

    assert FernetSealing([NEW, OLD]).opened(sealed) == b"content"
    assert FernetSealing([OLD]).opened(FernetSealing([NEW, OLD]).seal(b"content")) is None
