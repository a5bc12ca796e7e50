"""The fault tests have a short form, and a long one that repeats each fault: REFERRAL_TEST_FAULTS=long, `make faults`."""

import os

import pytest

IS_LONG = os.environ.get("REFERRAL_TEST_FAULTS") == "long"
REPEATS = 20 if IS_LONG else 1

only_in_the_long_form = pytest.mark.skipif(not IS_LONG, reason="takes long: make faults")
