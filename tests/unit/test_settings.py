import os
import re
import stat
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from referral.entrypoints.bootstrap.load_settings import load_settings
from referral.entrypoints.bootstrap.secret import with_secret
from referral.entrypoints.bootstrap.secret_strength import SAMPLE_SECRETS
from referral.entrypoints.bootstrap.settings import Settings, SettingsError, masked

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def dotenv(tmp_path):
    return tmp_path / ".env"


@pytest.fixture
def load(dotenv):
    """The settings of this environment, by the names without their prefix, beside `.env`."""

    def load(**environ):
        return load_settings({f"REFERRAL_{name}": value for name, value in environ.items()}, dotenv)

    return load


@pytest.fixture
def complaints(load):
    def complaints(**environ):
        with pytest.raises(SettingsError) as refused:
            load(**environ)
        return str(refused.value).splitlines()

    return complaints


def test_nothing_has_to_be_set(load):
    settings = load()

    assert settings == Settings()
    assert settings.database_url == ""
    assert settings.data_dir == Path(".referral")
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert settings.bcrypt_cost == 12
    assert settings.access_token_ttl == timedelta(minutes=15)
    assert settings.refresh_token_ttl == timedelta(days=30)
    assert settings.rate_limits == "on"


def test_each_setting_is_a_variable_of_its_name(load):
    settings = load(
        DATABASE_URL="postgresql://db/referral",
        SECRET=SECRET,
        DATA_DIR="/var/lib/referral",
        PG_BIN="/usr/lib/postgresql/17/bin",
        PORT="9000",
        RATE_LIMITS="off",
        LOG_FORMAT="json",
    )

    assert settings.database_url == "postgresql://db/referral"
    assert settings.secret == SECRET
    assert settings.data_dir == Path("/var/lib/referral")
    assert settings.pg_bin == Path("/usr/lib/postgresql/17/bin")
    assert settings.port == 9000
    assert settings.rate_limits == "off"
    assert settings.log_format == "json"


def test_other_peoples_variables_are_none_of_ours(dotenv):
    environ = {"PATH": "/bin", "PORT": "1", "REFERRAL_TEST_DATABASE_URL": "postgresql://tests"}

    assert load_settings(environ, dotenv) == Settings()


def test_dotenv_is_read_too_and_the_environment_comes_first(load, dotenv):
    dotenv.write_text("REFERRAL_PORT=9000\nREFERRAL_HOST='0.0.0.0'\nOTHER=1\n")

    settings = load(PORT="9001")

    assert (settings.host, settings.port) == ("0.0.0.0", 9001)


def test_an_empty_value_is_as_if_it_were_not_there(load, dotenv):
    dotenv.write_text("REFERRAL_PORT=9000\nREFERRAL_WORKERS=\nREFERRAL_HOST\nREFERRAL_NONSENSE=\n")

    settings = load(PORT="", SECRET="", DATABASE_URL="")

    assert settings == Settings(port=9000)


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [("900", 900), ("90s", 90), ("15m", 900), ("2h", 7200), ("30d", 30 * 86400), ("PT15M", 900)],
)
def test_a_duration_is_seconds_or_a_number_with_a_unit(load, raw, seconds):
    assert load(ACCESS_TOKEN_TTL=raw).access_token_ttl == timedelta(seconds=seconds)


def test_what_looks_like_a_duration_is_one_only_where_one_is_meant(load):
    assert load(DATA_DIR="7d").data_dir == Path("7d")


@pytest.mark.parametrize("raw", ["15 minutes", "m", "-5m", "0", "0s", "0.5", "1y", "99999999999d"])
def test_any_other_duration_is_refused(complaints, raw):
    [line] = complaints(ACCESS_TOKEN_TTL=raw)

    assert line.startswith("REFERRAL_ACCESS_TOKEN_TTL: ")


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("WORKERS", "0"),
        ("BCRYPT_COST", "3"),
        ("BCRYPT_COST", "16"),
        ("POOL_SIZE", "0"),
        ("RATE_LIMITS", "maybe"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "trace"),
        ("TRUSTED_PROXIES", "10.0.0.1, proxy"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(complaints, name, raw):
    [line] = complaints(**{name: raw})

    assert line.startswith(f"REFERRAL_{name}: ")


def test_an_unknown_name_is_refused_with_the_one_that_may_be_meant(complaints):
    assert complaints(WORKER="2", BANANA="yellow") == [
        "REFERRAL_WORKER: there is no such setting; did you mean REFERRAL_WORKERS?",
        "REFERRAL_BANANA: there is no such setting",
    ]


def test_everything_that_is_wrong_is_told_at_once(complaints):
    lines = complaints(
        PORT="http",
        WORKER="2",
        DATABASE_URL="mysql://db",
        TRUSTED_PROXIES="x",
        ACCESS_TOKEN_TTL="0",
    )

    assert [line.partition(":")[0] for line in lines] == [
        "REFERRAL_PORT",
        "REFERRAL_WORKER",
        "REFERRAL_DATABASE_URL",
        "REFERRAL_SECRET",
        "REFERRAL_ACCESS_TOKEN_TTL",
        "REFERRAL_TRUSTED_PROXIES",
    ]


def test_a_database_of_ones_own_needs_a_secret_of_ones_own(complaints):
    assert complaints(DATABASE_URL="postgres://db/referral") == [
        "REFERRAL_SECRET: Required together with REFERRAL_DATABASE_URL"
    ]


@pytest.mark.parametrize("secret", ["x" * 31, "é" * 15])
def test_b17_a_secret_of_fewer_than_32_bytes_is_refused_and_not_repeated(complaints, secret):
    [line] = complaints(SECRET=secret)

    assert line == "REFERRAL_SECRET: Expected at least 32 bytes"


def test_a_secret_of_32_bytes_is_taken(load):
    assert load(SECRET="éàèùâêîôûëïüÿçæœ").secrets == ("éàèùâêîôûëïüÿçæœ",)


def test_b18_earlier_secrets_follow_the_current_one_after_commas(load):
    assert load(SECRET=f" {SECRET}, {SECRET[::-1]},").secrets == (SECRET, SECRET[::-1])


@pytest.mark.parametrize("weak", ["a" * 32, "ab" * 32, "12345678" * 4, f"{SECRET},{'a' * 32}"])
def test_b17_a_secret_that_is_no_secret_is_refused(complaints, weak):
    [line] = complaints(SECRET=weak)

    assert line.startswith("REFERRAL_SECRET: Expected")
    assert weak not in line


@pytest.mark.parametrize("sample", sorted(SAMPLE_SECRETS))
def test_b17_a_secret_from_somebodys_documentation_is_refused(complaints, sample):
    [line] = complaints(SECRET=f"{SECRET},{sample}")

    assert line.startswith("REFERRAL_SECRET: Expected a secret of your own")


def test_b17_no_secret_can_be_copied_from_our_documentation(complaints):
    root = Path(__file__).parents[2]
    pages = [root / "README.md", *(root / "docs").rglob("*.md")]
    samples = [s for page in pages for s in re.findall(r"REFERRAL_SECRET=(\S+)", page.read_text())]

    assert samples
    for sample in samples:
        assert complaints(SECRET=sample)


def test_b17_every_secret_has_32_bytes(complaints):
    [line] = complaints(SECRET=f"{SECRET},short")

    assert line == "REFERRAL_SECRET: Expected at least 32 bytes"


def test_secrets_can_be_kept_in_a_file(load, tmp_path):
    file = tmp_path / "secrets"
    file.write_text(f"{SECRET}\n{SECRET[::-1]}\n")
    settings = load(SECRET_FILE=str(file), DATABASE_URL="postgresql://db.example.org/referral")

    assert with_secret(settings).secrets == (SECRET, SECRET[::-1])


def test_secrets_are_given_in_one_place(complaints, tmp_path):
    [line] = complaints(SECRET=SECRET, SECRET_FILE=str(tmp_path))

    assert line == "REFERRAL_SECRET_FILE: Expected this or REFERRAL_SECRET, not both"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"short", b"a" * 40, b"\xff" * 40])
def test_a_file_without_a_secret_is_refused(content, tmp_path):
    file = tmp_path / "secrets"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SettingsError, match=r"^REFERRAL_SECRET_FILE: ") as refused:
        with_secret(Settings(secret_file=file))

    assert len(str(refused.value).splitlines()) == 1


def unreadable_files(tmp_path):
    binary = tmp_path / ".env"
    binary.write_bytes(b"\xff\xfe")
    directory = tmp_path / "mounted"
    directory.mkdir()
    return [binary, directory, Path("/proc/self/mem")]


def test_an_env_file_that_cannot_be_read_is_told_in_a_line(tmp_path):
    for file in unreadable_files(tmp_path):
        with pytest.raises(SettingsError, match="cannot be read") as refused:
            load_settings({}, file)

        assert str(refused.value).startswith(f"{file}: ")
        assert len(str(refused.value).splitlines()) == 1


CANARY = "Canary0"
WELL_WRITTEN = [
    "postgresql://ann:{}@db.example.org/referral",
    "postgres://ann:{}@db.example.org:5433/referral?sslmode=require",
    "postgresql://:{}@/referral",
    "postgresql://ann:a:{}@db.example.org/referral",
    "postgresql://ann:a&{}@db.example.org/referral",
    "postgresql://ann:%2F{}@db.example.org/referral",
    "postgresql://ann:{}@a.example.org,b.example.org:5433/referral",
    "postgresql://ann:{}@[::1]:5433/referral?target_session_attrs=read-write",
    "postgresql://db.example.org/referral?password={}",
    "postgresql://db.example.org/referral?user=ann&password={}&sslmode=require",
    "postgresql://db.example.org/referral?sslpassword={}",
    "postgresql://db.example.org/referral?PASSWORD={}",
    "postgresql://db.example.org/referral?pass%77ord={}",
    "postgresql://db.example.org/referral?sslmode=require&passfile=/{}",
    "postgresql://db.example.org/referral?anything={}",
    "postgresql://ann:x@db.example.org/referral?password=a/{}",
    "postgresql://ann:x@db.example.org/referral?password=a@{}",
    "postgresql://ann:x@db.example.org/referral?password=a%26{}&sslmode=require",
]
MISLEADING = [
    "postgresql://ann:a/{}@db.example.org/referral",
    "postgresql://ann:{}/b@db.example.org/referral",
    "postgresql://ann:a@{}@db.example.org/referral",
    "postgresql://ann:{}@b:c@db.example.org/referral",
    "postgresql://ann:a?{}@db.example.org/referral",
    "postgresql://ann:{}?b=c@db.example.org/referral?sslmode=require",
    "postgresql://ann:a#{}@db.example.org/referral",
    "postgresql://ann:{}#b@db.example.org/referral",
    "postgresql://ann:[{}@db.example.org/referral",
    "postgresql://ann:x]{}@db.example.org/referral",
]


@pytest.mark.parametrize("url", WELL_WRITTEN)
def test_l01_no_password_in_a_database_url_is_shown(url):
    shown = masked(Settings(database_url=url.format(CANARY)))["database_url"]

    assert CANARY not in shown
    assert "********" in shown
    assert re.search(r"@db\.|//db\.|@a\.|@\[::1\]|@/referral", shown), "the rest is"


@pytest.mark.parametrize("url", MISLEADING)
def test_l01_of_a_database_url_that_cannot_be_read_nothing_is_shown(url):
    assert masked(Settings(database_url=url.format(CANARY)))["database_url"] == "********"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann@db.example.org/referral?sslmode=require",
        "postgresql://postgres@/referral?host=%2Ftmp%2Fdata",
        "postgresql:///referral?host=a,b&port=1,2&target_session_attrs=read-write",
        "postgres://[::1]:5433,a.example.org/referral",
    ],
)
def test_a_database_url_without_a_password_is_taken_and_shown_as_it_is(load, url):
    settings = load(DATABASE_URL=url, SECRET=SECRET)

    assert masked(settings)["database_url"] == url


@pytest.mark.parametrize("url", WELL_WRITTEN)
def test_a_database_url_with_a_password_is_taken(load, url):
    assert load(DATABASE_URL=url, SECRET=SECRET).database_url == url


@pytest.mark.parametrize("url", MISLEADING)
def test_l01_a_database_url_of_which_a_host_would_be_made_of_the_password_is_refused(
    complaints, url
):
    [line] = complaints(DATABASE_URL=url.format(CANARY), SECRET=SECRET)

    assert line.startswith("REFERRAL_DATABASE_URL: Expected a URL in which / ? # @ [ ] are written")
    assert CANARY not in line


def test_trusted_proxies_are_addresses_and_networks(load):
    settings = load(TRUSTED_PROXIES="10.0.0.1, 192.168.0.0/16,,::1")

    assert settings.proxy_networks == (
        ip_network("10.0.0.1/32"),
        ip_network("192.168.0.0/16"),
        ip_network("::1/128"),
    )


def test_no_proxy_is_trusted_unless_it_is_named(load):
    assert load().proxy_networks == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1"])
def test_d17_a_service_for_this_machine_alone_is_called_localhost(load, host):
    assert load(HOST=host).hosts == ("localhost",)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_d17_a_service_for_others_may_have_any_name(load, host):
    assert load(HOST=host).hosts == ("*",)


def test_d17_the_names_that_are_set_hold_wherever_it_listens(load):
    assert load(ALLOWED_HOSTS="example.org, *.example.org,").hosts == (
        "example.org",
        "*.example.org",
    )


@pytest.mark.parametrize("name", ["example.org:80", "https://example.org", "a*.org", "*.", "a b"])
def test_d17_what_can_be_no_name_of_a_host_is_refused(complaints, name):
    [complaint] = complaints(ALLOWED_HOSTS=f"example.org,{name}")

    assert complaint.startswith("REFERRAL_ALLOWED_HOSTS: ")
    assert name in complaint


def test_without_a_secret_one_is_made_once_and_kept(tmp_path):
    data_dir = tmp_path / "new" / "data"

    first = with_secret(Settings(data_dir=data_dir))
    second = with_secret(Settings(data_dir=data_dir))

    assert len(first.secret.encode()) >= 32
    assert second.secret == first.secret
    assert with_secret(Settings(data_dir=tmp_path / "other")).secret != first.secret


def test_only_its_owner_can_read_the_kept_secret(tmp_path):
    previous = os.umask(0)
    try:
        with_secret(Settings(data_dir=tmp_path / "data"))
    finally:
        os.umask(previous)

    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret"]


def test_a_secret_of_ones_own_is_not_kept(tmp_path):
    settings = Settings(secret=SECRET, data_dir=tmp_path / "data")

    assert with_secret(settings) is settings
    assert not (tmp_path / "data").exists()


def test_where_another_process_was_first_its_secret_holds(tmp_path, monkeypatch):
    kept = tmp_path / "secret"
    exists = Path.exists

    def another_is_first(path):
        was_there = exists(path)
        kept.write_text(SECRET)
        return was_there

    monkeypatch.setattr(Path, "exists", another_is_first)

    assert with_secret(Settings(data_dir=tmp_path)).secret == SECRET
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_what_a_killed_process_left_behind_is_in_nobodys_way(tmp_path):
    (tmp_path / f"secret.{os.getpid()}").write_text("half a sec")

    assert len(with_secret(Settings(data_dir=tmp_path)).secret) >= 32


@pytest.mark.parametrize("damaged", [b"", b"short\n", b"\xff" * 64])
def test_a_damaged_secret_is_refused_and_left_alone(tmp_path, damaged):
    (tmp_path / "secret").write_bytes(damaged)

    with pytest.raises(SettingsError, match="REFERRAL_DATA_DIR"):
        with_secret(Settings(data_dir=tmp_path))

    assert (tmp_path / "secret").read_bytes() == damaged


def test_where_no_secret_can_be_kept_that_is_said(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match="REFERRAL_DATA_DIR: cannot keep the secret"):
        with_secret(Settings(data_dir=tmp_path / "file"))
