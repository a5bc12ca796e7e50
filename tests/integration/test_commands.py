"""The commands that run use cases, on a database, as a script and as a person run them."""

import asyncio
import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from click.testing import CliRunner
from standardwebhooks import Webhook

from databases import query
from referral.entrypoints.bootstrap.container import open_use_cases
from referral.entrypoints.bootstrap.load_settings import load_settings
from referral.entrypoints.cli.main import referral as command_line
from referral.entrypoints.http.openapi.terms import EXAMPLE
from servers import NO_TLS, PASSWORD, SECRET
from terminals import on_a_terminal

SETTINGS = {"REFERRAL_SECRET": SECRET, "REFERRAL_BCRYPT_COST": "4"}
FAR = "2030-10-10T12:00:00Z"
NOBODYS = str(UUID(int=1))


@pytest.fixture
def environment(empty_database_url):
    return {**SETTINGS, "REFERRAL_DATABASE_URL": empty_database_url}


@pytest.fixture
def run(environment):
    """Runs the command in this process: what it wrote, and its exit status."""
    return lambda *arguments, **more: CliRunner().invoke(
        command_line, arguments, env=environment, **more
    )


@pytest.fixture
def told(run):
    """What the command tells a script."""

    def told(*arguments, **more):
        done = run(*arguments, "--json", **more)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return told


@pytest.fixture
def ann(told):
    given = ("--username", "ann", "--email", "ann@example.org")
    return told("user", "create", *given, input=f"{PASSWORD}\n")


def refused(done):
    """The words on stderr of a command that a rule refused."""
    assert (done.exit_code, done.stdout) == (1, "")
    return done.stderr


def test_a_key_is_made_listed_and_revoked(told, run):
    made = told("key", "create", "--name", "shop", "--scope", "events:write", "--expires-at", FAR)
    secret = made.pop("key")

    assert re.fullmatch("rk_[0-9A-Za-z]{36}", secret)
    assert made["scopes"] == ["events:write"]
    assert (made["expires_at"], made["last_used_at"]) == (FAR, None)
    assert told("key", "list") == [made]
    assert told("key", "revoke", made["id"]) is None
    assert told("key", "list") == []
    assert refused(run("key", "revoke", made["id"])) == "There is no such API key.\n"


def test_a_list_of_keys_is_as_long_as_it_is(told, empty_database_url):
    query(
        empty_database_url,
        "INSERT INTO api_keys (id, name, digest, scopes, created_at) SELECT gen_random_uuid(), n,"
        " sha256(n::text::bytea), '{keys:read}', now() FROM generate_series(1, 250) AS n RETURNING 1",
    )

    assert sorted(int(key["name"]) for key in told("key", "list")) == [*range(1, 251)]


def test_all_that_is_wrong_with_a_key_is_told_in_a_line_each(run):
    done = run(
        "key", "create", "--name", " x", "--scope", "events:write", "--expires-at", "tomorrow"
    )

    assert refused(done).splitlines() == [
        "name: A key's name has 1 to 100 printable characters, and no blanks at its ends.",
        "expires_at: A time is written as 2030-10-10T12:00:00Z.",
    ]


def test_an_endpoint_is_made_and_listed(told, run):
    events = ("--event", "referral.*", "--event", "code.issued")
    made = told("webhook", "add", "https://shop.example.org/hooks", *events, "--description", "x")
    secret = made.pop("secret")

    assert re.fullmatch("whsec_[0-9A-Za-z+/]{43}=", secret)
    assert made["events"] == ["referral.*", "code.issued"]
    assert (made["status"], made["description"]) == ("active", "x")
    assert told("webhook", "list") == [made]
    tried = told("webhook", "test", made["id"])
    assert tried["status"] == "pending"
    assert told("webhook", "replay", made["id"], "--message", tried["message"]) == {"replayed": 1}
    told("participant", "enrol", "customer-42")
    done = run("webhook", "replay", made["id"], "--from", "2020-01-01T00:00:00Z")
    assert (done.exit_code, done.stderr) == (0, "0 messages\n")  # all of them still wait
    assert done.stdout == "replayed\t0\nwaiting\t0\n"
    assert run("webhook", "replay", made["id"]).exit_code == 2
    done = run("webhook", "add", "http://localhost/", "--event", "reward.lost")
    assert [line.partition(":")[0] for line in refused(done).splitlines()] == ["url", "events"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["webhook", "add", "https://shop.example.org/hooks"],
        ["key", "create", "--name", "shop"],
        ["key", "create", "--name", "shop", "--scope", "everything"],
        ["key", "revoke", "no-id"],
        ["admin", "grant"],
        ["user", "create", "--username", "ann", "--email", "a@b.org", "--password", "x"],
        ["referrals", "list", "ann", "--limit", "0"],
        ["reward", "list", "--status", "lost"],
        ["reward", "hold", NOBODYS],
        ["reward", "reject", NOBODYS],
        ["payout", "create", "--unit", "EUR"],
        ["explain", "no-id"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_a_command_that_cannot_be_understood_ends_with_2(run, arguments):
    assert run(*arguments).exit_code == 2


def test_an_administrator_is_made_listed_and_unmade(told, run, ann):
    assert told("admin", "grant", "Ann@Example.org") is None

    [held] = told("admin", "list")
    assert held.pop("granted_at")
    assert held == ann
    assert run("admin", "revoke", "ann@example.org").exit_code == 0
    assert told("admin", "list") == []
    assert refused(run("admin", "revoke", ann["email"])) == "This account is no administrator's.\n"
    assert refused(run("admin", "grant", "bob@example.org")) == "There is no such user.\n"


def test_a_user_is_made_with_a_password_from_stdin_and_logs_in(told, run, ann):
    pair = told("token", "issue", "ann@example.org", input=f"{PASSWORD}\n")

    assert pair.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 900)
    wrong = run("token", "issue", "ann", input="wrong\n")
    assert refused(wrong) == "The user name or the password is wrong.\n"


def test_a_code_is_issued_listed_found_and_revoked(told, run, ann):
    issued = told("code", "issue", "ann", "--expires-at", "2030-10-10 12:00", "--code", "SPRING-30")

    assert issued == {
        "id": issued["id"],
        "user_id": ann["id"],
        "code": "SPRING-30",
        "expires_at": FAR,
        "is_active": True,
        "program": "default",
        "max_uses": None,
        "uses": 0,
    }
    assert told("code", "list", ann["id"]) == [issued]
    assert told("code", "find", "ann@example.org") == issued
    assert refused(run("code", "issue", "ann", "--expires-at", FAR)) == (
        "There already is an active referral code.\n"
    )
    other = told("code", "issue", "ann", "--expires-at", FAR, "--replace-active")
    assert told("code", "list", "ann") == [other]
    assert told("code", "revoke", other["code"].lower()) is None
    assert refused(run("code", "revoke", other["code"])) == "There is no such referral code.\n"


def test_a_list_of_codes_is_as_long_as_it_is(told, ann, empty_database_url):
    query(
        empty_database_url,
        "INSERT INTO referral_codes (owner_id, text, issued_at, expires_at)"
        f" SELECT '{ann['id']}', 'CODE-' || n, t, t + interval '1 hour' FROM"
        " (SELECT n, timestamptz '2020-01-01' + n * interval '1 day' AS t"
        " FROM generate_series(1, 250) AS n) AS made RETURNING 1",
    )

    assert [code["code"] for code in told("code", "list", "ann")] == [
        f"CODE-{n}" for n in range(1, 251)
    ]


def test_whom_someone_brought_is_listed(told, run, ann):
    code = told("code", "issue", "ann", "--expires-at", FAR)["code"]
    for name in ("bob", "cat", "dan"):
        given = ("--username", name, "--email", f"{name}@example.org", "--code", code)
        told("user", "create", *given, input=f"{PASSWORD}\n")

    brought = told("referrals", "list", "ann")

    assert [referee["username"] for referee in brought] == ["dan", "cat", "bob"]
    assert told("referrals", "list", "ann", "--limit", "2") == brought[:2]
    assert refused(run("referrals", "list", "nobody")) == "There is no such user.\n"


def test_to_a_pipe_a_list_is_lines_whose_values_a_tab_divides(run, ann):
    run("admin", "grant", "ann@example.org")

    head, line = run("admin", "list").stdout.splitlines()

    assert head.split("\t") == ["id", "email", "username", "granted_at"]
    assert line.split("\t")[:3] == [ann["id"], "ann@example.org", "ann"]
    assert datetime.now(UTC) - datetime.fromisoformat(line.split("\t")[3]) < timedelta(minutes=1)


def test_to_a_pipe_one_thing_is_a_line_for_each_of_its_values(run, ann):
    done = run("code", "issue", "ann", "--expires-at", FAR, "--code", "SPRING-30")

    assert dict(line.split("\t") for line in done.stdout.splitlines()[1:]) == {
        "user_id": ann["id"],
        "code": "SPRING-30",
        "expires_at": FAR,
        "is_active": "yes",
        "program": "default",
        "max_uses": "",
        "uses": "0",
    }


def test_on_a_terminal_a_list_is_a_table(environment, run):
    for name in ("shop", "[bold]till[/bold]"):
        run("key", "create", "--name", name, "--scope", "events:write", "--scope", "codes:read")

    seen, status = on_a_terminal("key", "list", environment=environment)

    assert status == 0
    seen = re.sub(r"\x1b\[[0-9;]*m", "", seen)
    assert re.search(r"┃ id .*┃ name .*┃ scopes ", seen)
    assert re.search(r"│ shop .*│ codes:read, events:write ", seen)
    assert "[bold]till[/bold]" in seen


def test_on_a_terminal_an_empty_list_says_so(environment):
    assert on_a_terminal("key", "list", environment=environment) == ("There are none.\r\n", 0)


def test_on_a_terminal_the_password_is_asked_for_and_not_shown(environment):
    arguments = ("user", "create", "--username", "ann", "--email", "ann@example.org")

    seen, status = on_a_terminal(
        *arguments, environment=environment, typed=f"{PASSWORD}\n{PASSWORD}\n"
    )

    assert status == 0
    assert "Password" in seen
    assert "ann@example.org" in seen
    assert PASSWORD not in seen


def test_a_database_that_is_away_is_told_with_1(run, environment):
    environment["REFERRAL_DATABASE_URL"] = f"postgresql://127.0.0.1:1/{uuid4().hex}"

    assert "database" in refused(run("key", "list"))


def test_a_program_is_made_given_new_terms_shown_and_ended(told, run, ann, tmp_path):
    terms = tmp_path / "terms.json"
    terms.write_text(json.dumps(EXAMPLE))

    made = told(
        *("program", "create", "summer", "--name", "Summer", "--terms", str(terms)),
        *("--ends-at", FAR, "--active"),
    )

    assert (made["slug"], made["status"], made["ends_at"]) == ("summer", "active", FAR)
    assert [listed["slug"] for listed in told("program", "list")] == ["summer", "default"]
    code = told("code", "issue", "ann", "--expires-at", FAR, "--program", "summer")
    assert (code["program"], code["max_uses"], code["uses"]) == ("summer", None, 0)
    second = told("program", "terms", "summer", "-", input='{"code": {"max_uses": 3}}')
    assert (second["version"], second["terms"]["code"]["max_uses"]) == (2, 3)
    assert told("program", "show", "summer")["terms"] == second["terms"]
    assert told("program", "status", "summer", "ended")["status"] == "ended"
    assert refused(run("program", "status", "summer", "active")) == (
        "No ended program becomes active.\n"
    )


def test_a_program_is_a_draft_with_the_terms_of_the_default_one(told):
    assert told("program", "create", "summer", "--name", "Summer")["status"] == "draft"
    assert told("program", "show", "summer")["terms"] == told("program", "show", "default")["terms"]


def test_bad_terms_are_told_in_a_line_each(run):
    bad = '{"hold_days": -1, "rewards": [{"rule": "x", "to": "referrer", "unit": "EUR"}]}'

    done = run("program", "terms", "default", "-", input=bad)

    assert refused(done).splitlines() == [
        "rewards/0/amount: A rule gives an `amount`, or a share in `basis_points`.",
        "hold_days: This is a whole number from 0 to 365.",
    ]


def test_a_draft_is_compared_with_the_terms_in_force(told, run, brought):
    draft = json.dumps(
        {
            "qualification": {"event": "purchase"},
            "rewards": [{"rule": "thanks", "to": "referrer", "amount": 700, "unit": "EUR"}],
        }
    )

    found = told("program", "backtest", "launch", "-", input=draft)
    nothing = told("program", "backtest", "launch", "-", "--from", FAR, input=draft)
    lines = run("program", "backtest", "launch", "-", input=draft).stdout

    assert (found["terms_version"], found["referrals"], found["events"]) == (1, 1, 1)
    assert found["rules"] == [
        {
            "rule": rule,
            "unit": "EUR",
            "today": {"rewards": 1, "amount": today},
            "draft": {"rewards": is_kept, "amount": draft},
            "difference": {"rewards": is_kept - 1, "amount": draft - today},
        }
        for rule, today, is_kept, draft in [("thanks", 1000, 1, 700), ("welcome", 500, 0, 0)]
    ]
    assert [total["difference"]["amount"] for total in found["totals"]] == [-800]
    assert (nothing["referrals"], nothing["totals"][0]["today"]["amount"]) == (0, 0)
    assert "(all)\tEUR\t2 = 1500\t1 = 700\t-1 = -800" in lines.splitlines()
    assert refused(run("program", "backtest", "launch", "-", input='{"x": 1}')) == (
        "terms/x: There is no such member.\n"
    )


@pytest.mark.parametrize("text", ["{", "[]"])
def test_terms_that_are_no_json_object_are_bad_usage(run, text):
    assert run("program", "terms", "default", "-", input=text).exit_code == 2


def test_a_participant_is_enrolled_changed_shown_and_erased(told, run):
    made = told("participant", "enrol", "customer-42", "--email", "rose@example.org")
    changed = told("participant", "enrol", "customer-42", "--username", "rose", "--locale", "de-AT")

    assert (made["external_id"], made["email"], made["referrer_id"]) == (
        "customer-42",
        "rose@example.org",
        None,
    )
    assert changed == {**made, "email": None, "username": "rose", "locale": "de-AT"}
    for name in ("customer-42", f"user:{made['id']}"):
        assert told("participant", "show", name) == changed
    assert told("participant", "erase", "customer-42") is None
    for command in ("show", "erase"):
        done = run("participant", command, "customer-42")
        assert refused(done) == "There is no such participant.\n"


def test_all_that_is_wrong_with_a_participant_is_told_in_a_line_each(run):
    done = run("participant", "enrol", "user:42", "--email", "nobody", "--locale", "?")

    assert [line.partition(":")[0] for line in refused(done).splitlines()] == [
        "external_id",
        "email",
        "locale",
    ]


@pytest.fixture
def enrolled(told):
    for name in ("ann", "bob"):
        told("participant", "enrol", name)


def line(number, participant="ann", **more):
    return json.dumps({"id": str(number), "type": "visit", "participant": participant, **more})


@pytest.mark.usefixtures("enrolled")
def test_an_event_is_recorded_from_options_once(told, run):
    given = (
        *("event", "record", "--id", "1", "--type", "purchase", "--participant", "ann"),
        *("--amount", "2500", "--unit", "EUR", "--metadata", "channel=web"),
    )

    first = told(*given)

    assert first == {
        "id": "1",
        "is_new": True,
        "referral_id": None,
        "status": None,
        "reasons": [],
    }
    assert told(*given) == {**first, "is_new": False}
    assert told("event", "record", "--type", "refund", "--of", "1", "--id", "2")["is_new"]
    assert "id: An event's id has" in refused(run("event", "record", "--type", "visit"))
    assert run("event", "record", "--id", "3", "--metadata", "x").exit_code == 2


@pytest.mark.usefixtures("enrolled")
def test_events_are_recorded_from_stdin_and_what_is_refused_is_told_with_its_line(run):
    lines = [line(1), "{", line(2, "bob"), line(3, "nobody"), line(1), line(4, amount="2"), ""]

    done = run("event", "record", "--json", input="\n".join(lines))

    assert done.exit_code == 1
    assert json.loads(done.stdout) == {"new": 2, "known": 1, "refused": 3}
    told = [told.split(":")[0] for told in done.stderr.splitlines() if told.startswith("line")]
    assert told == ["line 2", "line 4", "line 6"]

    again = run("event", "record", input="\n".join([line(1), line(2, "bob")]))
    assert (again.exit_code, again.stdout) == (0, "new\t0\nknown\t2\nrefused\t0\n")


@pytest.mark.usefixtures("enrolled")
def test_once_the_database_does_not_answer_the_rest_of_stdin_is_left(run, empty_database_url):
    query(
        empty_database_url,
        "SELECT",
        before=[
            """CREATE FUNCTION be_away() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION '' USING ERRCODE = '57P01'; END $$""",
            """CREATE TRIGGER away BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.id = '2')
               EXECUTE FUNCTION be_away()""",
        ],
    )
    try:
        done = run("event", "record", "--json", input="\n".join(map(line, range(1, 5))))
    finally:
        query(empty_database_url, "SELECT", before=["DROP FUNCTION be_away CASCADE"])

    assert (done.exit_code, json.loads(done.stdout)) == (1, {"new": 1, "known": 0, "refused": 1})
    assert [told[:7] for told in done.stderr.splitlines()] == ["line 2:", "Send al"]


@pytest.mark.usefixtures("enrolled")
def test_on_a_terminal_a_bar_shows_how_far_it_is(environment, tmp_path):
    events = tmp_path / "events"
    events.write_text("\n".join(map(line, range(1, 4))))

    with events.open() as stdin:
        seen, status = on_a_terminal("event", "record", environment=environment, stdin=stdin)

    assert status == 0
    assert "Recording" in seen
    assert re.search(r"│ new +│ 3 ", seen)


@pytest.mark.usefixtures("enrolled")
def test_on_a_terminal_a_bar_shows_how_far_a_backtest_is(environment, tmp_path):
    terms = tmp_path / "terms.json"
    terms.write_text("{}")

    seen, status = on_a_terminal(
        "program", "backtest", "default", str(terms), environment=environment
    )

    assert status == 0
    assert "Judging" in seen


@pytest.fixture
def bring(environment, told, empty_database_url):
    """Have Ann bring Bob to a program that gives her 10 euros, held for two weeks, and him 5; he buys something."""

    def bring(**more):
        rules = [
            {"rule": "thanks", "to": "referrer", "amount": 1000, "unit": "EUR"},
            {"rule": "welcome", "to": "referee", "amount": 500, "unit": "EUR"},
        ]
        terms = {"qualification": {"event": "purchase"}, "rewards": rules, "hold_days": 14}
        told(
            *("program", "create", "launch", "--name", "Launch", "--terms", "-", "--active"),
            input=json.dumps({**terms, **more}),
        )
        for name in ("ann", "bob"):
            told("participant", "enrol", name)

        async def refer():
            async with open_use_cases(load_settings(environment)) as use:
                code = await use.programs.issue_participant_code(
                    participant="ann", expires_at=FAR, program="launch"
                )
                named, _ = await use.programs.refer_participant(
                    code=code.text.value, participant="bob"
                )
                return str(named.referral.referee_id)

        referral_id = asyncio.run(refer())
        told("event", "record", "--id", "1", "--type", "purchase", "--participant", "bob")
        return referral_id

    return bring


@pytest.fixture
def brought(bring):
    return bring()


@pytest.mark.parametrize(
    ("verdict", "status", "reward"),
    [("release", "qualified", "pending"), ("reject", "rejected", "rejected")],
)
def test_a_referral_that_is_held_is_listed_and_decided(
    *, bring, told, run, verdict, status, reward
):
    one = {"sign_ups": 1, "within_hours": 1, "then": "hold"}
    referral = bring(review={"velocity": one})
    [held] = told("review", "list")
    assert (held["id"], held["held_reasons"]) == (referral, ["velocity"])

    decided = told("review", verdict, referral, "--reason", "Looked at it.")

    assert decided == {**dict([*held.items()][:7]), "status": status, "held_reasons": []}
    [reviewed] = told(
        "review", "list", "--status", {"release": "released"}.get(verdict, "rejected")
    )
    assert reviewed["doubts"] == held["doubts"] == ["velocity"]
    assert reviewed["sentences"] == held["sentences"]
    assert held["sentences"] == [
        "The referral is held: the referrer brought 1 or more within 1 hour."
    ]
    assert (reviewed["decided_by"], reviewed["reason"]) == ("operator", "Looked at it.")
    assert {found["status"] for found in told("reward", "list")} == {reward}
    assert told("review", "list") == []
    again = run("review", verdict, referral, "--reason", "Looked at it.")
    assert refused(again) == "The referral is not held.\n"


@pytest.mark.usefixtures("brought")
def test_a_reward_is_listed_held_and_approved(told, run):
    [reward] = told("reward", "list", "--participant", "ann", "--program", "launch")

    assert (reward["rule"], reward["amount"], reward["status"]) == ("thanks", 1000, "pending")
    assert told("reward", "hold", reward["id"], "--reason", "Odd.") == {**reward, "status": "held"}
    assert told("reward", "list", "--status", "held") == [{**reward, "status": "held"}]
    for status in ("pending", "approved"):
        assert told("reward", "approve", reward["id"])["status"] == status
    assert told("participant", "balance", "ann") == [
        {"unit": "EUR", "pending": 0, "available": 1000, "paid": 0, "recoverable": 0}
    ]
    assert refused(run("participant", "balance", "nobody")) == "There is no such participant.\n"


@pytest.mark.usefixtures("brought")
def test_no_more_rewards_are_listed_than_wanted(told):
    listed = told("reward", "list")

    assert sorted(reward["rule"] for reward in listed) == ["thanks", "welcome"]
    assert told("reward", "list", "--limit", "1") == listed[:1]


@pytest.mark.usefixtures("brought")
def test_a_reward_is_rejected_for_good(told, run):
    [reward] = told("reward", "list", "--participant", "bob")

    assert told("reward", "reject", reward["id"], "--reason", "A test.")["status"] == "rejected"
    assert refused(run("reward", "approve", reward["id"])) == "The reward is rejected.\n"
    assert refused(run("reward", "approve", NOBODYS)) == "There is no such reward.\n"


@pytest.mark.usefixtures("brought")
def test_a_payout_is_made_once_listed_and_exported(told, run, tmp_path):
    rewards = told("reward", "list")
    for reward in rewards:
        told("reward", "approve", reward["id"])
    pay = ("payout", "create", "--unit", "EUR", "--reference")
    named = [text for reward in rewards for text in ("--reward", reward["id"])]

    made = told(*pay, "2030-10", *named)

    assert (made["amount"], made["rewards"], made.pop("is_new")) == (1500, 2, True)
    assert told(*pay, "2030-10", *named) == {**made, "is_new": False}
    assert told("payout", "list") == [made]
    assert refused(run(*pay, "2030-11", "--participant", "ann")) == (
        "There is nothing to pay in this unit.\n"
    )
    exported = run("payout", "export")
    assert exported.exit_code == 0
    head, *lines = csv.reader(exported.stdout.splitlines())
    assert head == ["payout", "reference", "created_at", "participant", "unit", "amount"]
    assert sorted(line[3:] for line in lines) == [["ann", "EUR", "1000"], ["bob", "EUR", "500"]]
    paid = [(line["participant"], line["amount"]) for line in told("payout", "export")]
    assert sorted(paid) == [("ann", 1000), ("bob", 500)]
    assert run("payout", "export", "--output", str(tmp_path / "paid.csv")).stdout == ""
    assert (tmp_path / "paid.csv").read_text().splitlines() == exported.stdout.splitlines()


def test_a_referral_is_explained_in_sentences_as_of_a_time(told, run, brought):
    decisions = told("explain", brought)

    assert [decision["reason"] for decision in decisions] == [
        *("signed-up", "qualified", "earned", "earned"),
    ]
    lines = [line.split("\t") for line in run("explain", brought).stdout.splitlines()]
    assert lines[0] == ["at", "sentence"]
    assert [line[1] for line in lines[1:]] == [decision["sentence"] for decision in decisions]
    assert lines[3][1] == ("The rule thanks gives the referrer 10.00 EUR; the reward is pending.")
    assert told("explain", brought, "--as-of", decisions[0]["at"]) == decisions[:1]
    assert refused(run("explain", brought, "--as-of", "2020-01-01T00:00:00Z")) == (
        "There is no such referral.\n"
    )


HOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@contextmanager
def listening(*options, **environment):
    """`referral webhook listen` at a free port, with its address; what it prints is read at the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "referral", "webhook", "listen", "--port", "0", *options],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        if not environment:
            process.stdin.write(f"{HOOK_SECRET}\n")
            process.stdin.flush()
        [address] = re.findall("http://127.0.0.1:[0-9]+/", process.stderr.readline())
        yield process, address


def post_signed(address, message, body, at=None):
    at = at or datetime.now(UTC)
    signed = {
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(HOOK_SECRET).sign(message, at, body),
    }
    return httpx.post(address, content=body, headers=signed, verify=NO_TLS).status_code


def test_messages_are_received_and_verified_on_this_machine_until_it_is_interrupted():
    body = '{"type": "code.issued", "data": {"n": "\\u001b[2J"}}'
    with listening("--json", WEBHOOK_SECRET=HOOK_SECRET) as (process, address):
        assert [post_signed(address, "one", body) for _ in range(2)] == [204, 204]
        assert post_signed(address, "old", body, datetime.now(UTC) - timedelta(hours=1)) == 400
        assert post_signed(address, "no JSON", "[") == 400
        assert httpx.post(address, content=body, verify=NO_TLS).status_code == 400
        assert httpx.get(address, verify=NO_TLS).status_code == 405
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0

        lines = [json.loads(line) for line in process.stdout]
    assert [(line["id"], line["again"], line["refused"]) for line in lines] == [
        ("one", False, None),
        ("one", True, None),
        ("old", False, "The timestamp is more than five minutes off."),
        ("no JSON", False, "The body is not JSON."),
        (None, False, "It needs the headers webhook-id, webhook-timestamp and webhook-signature."),
    ]
    assert lines[0]["message"] == json.loads(body)
    assert lines[2]["message"] is None


def test_a_person_sees_a_line_for_each_message_and_can_give_the_secret_on_stdin():
    body = '{"type": "code.issued", "data": {"n": "\\u001b[2J"}}'
    with listening() as (process, address):
        assert [post_signed(address, "one", body) for _ in range(2)] == [204, 204]
        assert httpx.post(address, content=body, verify=NO_TLS).status_code == 400
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0

        shown = [line.split(maxsplit=3)[1:] for line in process.stdout]
    assert shown[:2] == [["good", '"one"', f"{body}\n"], ["again", '"one"', f"{body}\n"]]
    assert shown[2][:2] == ["refused", "null"]


def test_a_receiver_that_cannot_begin_says_why(run):
    assert refused(run("webhook", "listen", input="whsec_no\n")).startswith("Error: A secret is")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("webhook", "listen", "--port", str(port), input=f"{HOOK_SECRET}\n")
    assert refused(done) == f"Error: Cannot listen on 127.0.0.1:{port}: Address already in use.\n"
    assert run("webhook", "listen", HOOK_SECRET).exit_code == 2
