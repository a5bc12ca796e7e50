import pytest

from examples import an_id
from referral.application.audit import Audit
from referral.domain.access.caller import OPERATOR, Caller, KeyId, Scope
from referral.domain.access.errors import MissingScope, PersonNeeded
from referral.domain.errors import InvalidInput

KEY = KeyId(an_id(7))


def a_key(*scopes: str) -> Caller:
    return Caller(key_id=KEY, scopes=frozenset(map(Scope.parse, scopes)))


def test_a_caller_may_do_what_a_scope_says():
    a_key("codes:read").ensure_may(Scope.CODES_READ)


def test_to_write_includes_to_read():
    a_key("codes:write").ensure_may(Scope.CODES_READ)
    a_key("codes:write").ensure_may(Scope.CODES_WRITE)


@pytest.mark.parametrize("held", [[], ["codes:read"], ["events:write"], ["events:read"]])
def test_a_caller_without_the_scope_is_told_which_one_it_needs(held):
    with pytest.raises(MissingScope) as refused:
        a_key(*held).ensure_may(Scope.CODES_WRITE)

    assert refused.value.scope == "codes:write"
    assert str(refused.value) == "This needs the scope codes:write."


def test_a_person_without_a_role_has_no_scope():
    for scope in Scope:
        with pytest.raises(MissingScope):
            Caller(user_id=an_id(1)).ensure_may(scope)


def test_who_is_at_the_machine_may_do_everything():
    for scope in Scope:
        OPERATOR.ensure_may(scope)


def test_there_is_a_scope_to_read_and_one_to_write_for_each_subject():
    subjects = ("participants", "codes", "events", "rewards", "programs", "webhooks", "keys")

    assert [*Scope] == [f"{subject}:{what}" for subject in subjects for what in ("read", "write")]


@pytest.mark.parametrize(
    "raw", ["", "codes", "codes:", "codes:delete", "CODES:READ", "codes:read "]
)
def test_what_is_no_scope_is_refused_with_a_list_of_those_there_are(raw):
    with pytest.raises(
        InvalidInput, match=r"A scope is one of participants:read, .*, keys:write\."
    ):
        Scope.parse(raw)


def test_no_two_callers_share_a_name():
    assert str(Caller(user_id=an_id(7))) == f"user:{an_id(7)}"
    assert str(a_key()) == f"key:{an_id(7)}"
    assert str(OPERATOR) == "operator"


def test_a_person_has_an_account():
    assert Caller(user_id=an_id(1)).person_id == an_id(1)


@pytest.mark.parametrize("caller", [a_key("codes:write"), OPERATOR])
def test_a_key_has_no_account(caller):
    with pytest.raises(PersonNeeded):
        _ = caller.person_id


def test_what_is_done_with_a_key_is_recorded_with_the_key(audit_log):
    with Audit(audit_log).by(a_key(), "create-program"):
        pass
    with Audit(audit_log).by(Caller(user_id=an_id(1)), "create-program"):
        pass

    done = {"action": "create-program", "outcome": "done"}
    assert audit_log.deeds == [{**done, "key_id": KEY}, {**done, "user_id": an_id(1)}]


def test_what_is_refused_to_a_key_is_recorded_with_the_reason(audit_log):
    with pytest.raises(MissingScope), Audit(audit_log).by(a_key(), "create-program"):
        raise MissingScope(Scope.PROGRAMS_WRITE)

    assert audit_log.deeds == [
        {"action": "create-program", "outcome": "missing-scope", "key_id": KEY}
    ]
