from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from worker.settings import Loaded, WrongSettingsError, load, names

Write = Callable[[str], Path]
SECRET = "hunter2"  # noqa: S105 - the word that must not be told


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and no setting in the environment."""
    for name in [name for name in os.environ if name.upper().startswith("WORKER_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a settings file into a folder of its own."""
    file = tmp_path / "etc" / "my.toml"
    file.parent.mkdir()

    def written(text: str) -> Path:
        file.write_text(text)
        return file

    return written


def listed(loaded: Loaded, name: str) -> tuple[Any, str]:
    (found,) = [(setting.value, setting.source) for setting in loaded.listing if setting.name == name]
    return found


def wrong(file: Path | None = None, flags: Any = None) -> str:
    with pytest.raises(WrongSettingsError) as raised:
        load(file, flags)
    return str(raised.value)


def test_without_anything_the_defaults_are_in_force() -> None:
    loaded = load()
    assert {setting.source for setting in loaded.listing} == {"default"}
    assert listed(loaded, "input.max_bytes") == (1 << 20, "default")
    assert loaded.settings.subjects.pepper is None


def test_every_setting_is_listed_and_has_a_description() -> None:
    described = dict(names())
    assert [setting.name for setting in load().listing] == list(described)
    assert all(description.endswith((".", ".)")) for description in described.values())


def test_later_layers_win(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write("[input]\nmax_bytes = 1\nmax_depth = 2\n[exposures]\nwhen = 'read'")
    monkeypatch.setenv("WORKER_INPUT__MAX_BYTES", "10")
    monkeypatch.setenv("WORKER_INPUT__MAX_DEPTH", "20")
    loaded = load(file, {("input", "max_bytes"): (100, "--max-bytes")})
    assert listed(loaded, "input.max_bytes") == (100, "--max-bytes")
    assert listed(loaded, "input.max_depth") == (20, "WORKER_INPUT__MAX_DEPTH")
    assert listed(loaded, "exposures.when") == ("read", str(file))
    assert listed(loaded, "exposures.repeat") == ("every", "default")
    assert (loaded.settings.input.max_bytes, loaded.settings.input.max_depth) == (100, 20)


def test_the_file_of_the_working_folder_is_read_unless_another_is_named(home: Path, write: Write) -> None:
    (home / "worker.toml").write_text("[input]\nmax_depth = 7")
    assert listed(load(), "input.max_depth") == (7, "worker.toml")
    assert listed(load(write("")), "input.max_depth") == (64, "default")


def test_settings_are_frozen() -> None:
    settings = load().settings
    with pytest.raises(ValidationError, match="frozen"):
        settings.handlers = ("mine.py",)  # type: ignore[misc] # what must not be possible
    with pytest.raises(ValidationError, match="frozen"):
        settings.input.max_depth = 3  # type: ignore[misc] # what must not be possible


def test_relative_paths_of_the_file_begin_at_its_folder(write: Write) -> None:
    file = write("handlers = ['mine.py', 'a/b.py', '/abs.py', 'package.module']\n[definitions]\npath = 'defs'")
    loaded = load(file)
    assert loaded.settings.definitions.path == file.parent / "defs"
    assert loaded.settings.handlers == (
        str(file.parent / "mine.py"),
        str(file.parent / "a/b.py"),
        "/abs.py",
        "package.module",
    )


def test_one_handler_in_the_file_needs_no_list(write: Write) -> None:
    file = write("handlers = 'mine.py'")
    assert load(file).settings.handlers == (str(file.parent / "mine.py"),)


def test_paths_of_the_environment_and_of_flags_are_left_alone(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    monkeypatch.setenv("WORKER_HANDLERS", "mine.py")
    loaded = load(write("[definitions]\npath = '/abs'"), {("definitions", "path"): (Path("defs"), "--definitions")})
    assert loaded.settings.handlers == ("mine.py",)
    assert listed(loaded, "definitions.path") == ("defs", "--definitions")


@pytest.mark.parametrize(
    ("text", "handlers"),
    [
        ("mine.py", ("mine.py",)),
        ("a.py, package.b,", ("a.py", "package.b")),
        (' ["a,b.py", "c"] ', ("a,b.py", "c")),
        ("", ()),
        ("[]", ()),
    ],
)
def test_the_environment_lists_with_commas_or_as_json(
    monkeypatch: pytest.MonkeyPatch, text: str, handlers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("WORKER_HANDLERS", text)
    assert load().settings.handlers == handlers
    assert listed(load(), "handlers") == (list(handlers), "WORKER_HANDLERS")


def test_the_environment_may_set_a_whole_group_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_EXPOSURES", '{"when": "read"}')
    monkeypatch.setenv("worker_exposures__repeat", "every")
    assert load().settings.exposures.when == "read"


@pytest.mark.parametrize("name", ["WORKER_ID", "WORKER_NAME", "WORKERS__X", "MY_WORKER_INPUT__MAX_BYTES"])
def test_other_variables_are_nobodys_business(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    assert all(setting.source == "default" for setting in load().listing)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[input]\nmax_bytes = 0", "input.max_bytes (from {}): Input should be greater than or equal to 1, found '0'"),
        ("[input]\nmax_bytes = 67108865", "input.max_bytes (from {}): Input should be less than or equal to 67108864"),
        ("[input]\nmax_depth = 'x'", "input.max_depth (from {}): Input should be a valid integer"),
        ("[exposures]\nwhen = 'x'", "exposures.when (from {}): Input should be 'attached' or 'read', found 'x'"),
        ("[subjects]\ndevice_path = 'a'", "subjects.device_path (from {}): String should match pattern"),
        ("[definitions]\npath = 1", "definitions.path (from {}): Input is not a valid path"),
        ("handlers = [1]", "handlers.0 (from {}): Input should be a valid string, found '1'"),
        ("handlers = 1", "handlers (from {}): Input should be a valid tuple, found '1'"),
        ("[handlers]\na = 1", "handlers (from {}): Input should be a valid tuple"),
        ("definitions = 'x'", "definitions (from {}): Input should be a valid dictionary"),
        ("[input.max_bytes]\nx = 1", "input.max_bytes (from {}): Input should be a valid integer"),
        ("[exposures]\nwhen = 'read'\nrepeat = 'first'", "exposures (from {}): Value error, when = read and repeat"),
        ("[input]\nmax_bites = 1", "input.max_bites (from {}): no such setting; did you mean input.max_bytes?"),
        ("handler = []", "handler (from {}): no such setting; did you mean handlers?"),
        ("[kafkaesque]\nx = 1", "kafkaesque (from {}): no such setting"),
    ],
)
def test_a_wrong_setting_is_told_by_name_source_and_what_was_expected(write: Write, text: str, told: str) -> None:
    file = write(text)
    assert wrong(file).startswith(told.format(file))
    assert "\n" not in wrong(file)


_SASL = "[kafka]\nsecurity_protocol = 'SASL_SSL'\n"
_NAMED = "sasl_username = 'worker'\nsasl_password = 'p'\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[kafka]\nsasl_username = 'a'", "sasl_username is set and security_protocol is PLAINTEXT, expected SASL_SSL"),
        (_SASL, "security_protocol is SASL_SSL, expected sasl_mechanism as well"),
        (_SASL + "sasl_mechanism = 'PLAIN'", "expected sasl_username and sasl_password as well"),
        (_SASL + "sasl_mechanism = 'SCRAM-SHA-512'\nsasl_username = 'a'", "expected sasl_password as well"),
        (_SASL + _NAMED + "sasl_mechanism = 'PLAIN'\nsasl_scope = 'a'", "is PLAIN, which sasl_scope is not for"),
        (_SASL + "sasl_mechanism = 'OAUTHBEARER'", "expected either sasl_token_file or sasl_token_url"),
        (
            _SASL + "sasl_mechanism = 'OAUTHBEARER'\nsasl_token_file = 'a'\nsasl_token_url = 'https://a/b'",
            "expected either sasl_token_file or sasl_token_url",
        ),
        (
            _SASL + "sasl_mechanism = 'OAUTHBEARER'\nsasl_token_url = 'https://a/b'",
            "expected sasl_client_id and sasl_client_secret as well",
        ),
        (
            _SASL + _NAMED + "sasl_mechanism = 'OAUTHBEARER'\nsasl_token_file = 'a'",
            "is OAUTHBEARER, which sasl_username is not for",
        ),
        (
            "[kafka]\nssl_ca_file = 'a'",
            "ssl_ca_file is set and security_protocol is PLAINTEXT, expected SSL or SASL_SSL",
        ),
        ("[kafka]\nsecurity_protocol = 'SSL'\nssl_key_file = 'a'", "expected ssl_cert_file as well"),
    ],
)
def test_a_login_that_is_not_complete_is_told(write: Write, text: str, told: str) -> None:
    file = write(text)
    assert wrong(file).startswith(f"kafka (from {file}): Value error, ")
    assert told in wrong(file)


def test_credentials_go_nowhere_without_tls(write: Write) -> None:
    client = "sasl_mechanism = 'OAUTHBEARER'\nsasl_client_id = 'a'\nsasl_client_secret = 'b'\nsasl_token_url = '{}'"
    assert wrong(write(_SASL + client.format("http://example.com/token"))).startswith("kafka.sasl_token_url")
    load(write(_SASL + client.format("http://127.0.0.1:80/token")))


def test_files_of_the_settings_file_are_relative_to_its_folder(write: Write) -> None:
    file = write("[kafka]\nsecurity_protocol = 'SSL'\nssl_ca_file = 'ca.pem'")
    assert load(file).settings.kafka.ssl_ca_file == file.parent / "ca.pem"


def test_every_wrong_setting_has_a_line(write: Write) -> None:
    lines = wrong(write("x = 1\n[input]\nmax_bytes = 0\nmax_depth = 0")).splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["input.max_bytes", "input.max_depth", "x"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("WORKER_INPUT__MAX_BYTES", "many", "input.max_bytes (from WORKER_INPUT__MAX_BYTES): Input should be a valid"),
        ("WORKER_INPUT__MAX_BITES", "1", "input.max_bites (from WORKER_INPUT__MAX_BITES): no such setting; did you"),
        ("WORKER_EXPOSURE__WHEN", "read", "WORKER_EXPOSURE__WHEN: no such group of settings; did you mean exposures?"),
        ("WORKER_X__Y", "read", "WORKER_X__Y: no such group of settings"),
        ("WORKER_HANDLERS", "[a", "handlers (from WORKER_HANDLERS): Value error, "),
        ("WORKER_INPUT", "text", 'environment: error parsing value for field "input"'),
        ("WORKER_INPUT", "5", "input (from WORKER_INPUT): Input should be a valid dictionary"),
        ("WORKER_DEFINITIONS__A__B", "1", "definitions.a (from WORKER_DEFINITIONS__A__B): no such setting"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str) -> None:
    monkeypatch.setenv(name, value)
    assert wrong().startswith(told)


def test_settings_that_do_not_go_together_name_both_sources(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write("[exposures]\nwhen = 'read'")
    monkeypatch.setenv("WORKER_EXPOSURES__REPEAT", "first")
    assert wrong(file).startswith(f"exposures (from {file}, WORKER_EXPOSURES__REPEAT): ")


def test_a_wrong_flag_is_named() -> None:
    told = wrong(flags={("input", "max_depth"): (1, "--max-depth")})
    assert told == "input.max_depth (from --max-depth): Input should be greater than or equal to 2, found '1'"


def test_a_group_that_is_one_value_and_its_part_name_both_sources(write: Write) -> None:
    file = write("definitions = 'x'")
    told = wrong(file, {("definitions", "path"): ("y", "--definitions")})
    assert (
        told == f"definitions (from {file}) is one value: it can't have definitions.path (from --definitions) as well"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"nonsense", "not TOML: Expected '=' after a key"),
        (b"a = 1\na = 2", "not TOML: Cannot overwrite a value"),
        (b"\xff", "not TOML: 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_file_that_is_not_toml_is_named(write: Write, content: bytes, told: str) -> None:
    file = write("")
    file.write_bytes(content)
    assert wrong(file).startswith(f"{file}: {told}")


def test_a_file_that_is_missing_or_a_folder_is_named(home: Path) -> None:
    assert wrong(home / "my.toml") == f"{home}/my.toml: No such file or directory, expected a settings file (TOML)"
    assert wrong(home) == f"{home}: Is a directory, expected a settings file (TOML)"


def test_a_long_value_is_cut(write: Write) -> None:
    assert wrong(write(f"[exposures]\nwhen = '{'x' * 1000}'")).endswith(f", found '{'x' * 80}'")


def test_a_secret_is_masked_in_the_listing(write: Write) -> None:
    loaded = load(write(f"[subjects]\npepper = '{SECRET}'"))
    assert loaded.settings.subjects.pepper is not None
    assert loaded.settings.subjects.pepper.get_secret_value() == SECRET
    assert SECRET not in repr(loaded)
    assert listed(loaded, "subjects.pepper")[0] == "********"


def test_logins_are_masked_and_never_repeated(write: Write) -> None:
    text = f"{_SASL}sasl_mechanism = 'PLAIN'\nsasl_username = 'worker'\nsasl_password = '{SECRET}'\n"
    loaded = load(write(text + f"ssl_cert_file = 'a'\nssl_key_password = '{SECRET}'"))
    assert SECRET not in repr(loaded)
    for name in ("kafka.sasl_password", "kafka.ssl_key_password"):
        assert listed(loaded, name)[0] == "********"
    assert SECRET not in wrong(write(f"[kafka]\nsasl_client_secret = ['{SECRET}']"))
    assert SECRET not in wrong(write(f"{_SASL}sasl_password = '{SECRET}'"))


@pytest.mark.parametrize(
    "text",
    [
        f"[subjects]\npepper = ['{SECRET}']",
        f"[subjects.pepper]\nx = '{SECRET}'",
        f"subjects = '{SECRET}'",
        f"subjects = ['{SECRET}']",
        f"[subjects]\npeper = '{SECRET}'",
        "[subjects]\npepper = ''",
    ],
)
def test_a_wrong_secret_is_told_without_its_value(write: Write, text: str) -> None:
    file = write(text)
    assert wrong(file).startswith("subjects")
    assert f" (from {file}): " in wrong(file)
    assert SECRET not in wrong(file)


@pytest.mark.parametrize("value", [SECRET, f'"{SECRET}"', f'{{"pepper": ["{SECRET}"]}}'])
def test_a_wrong_secret_of_the_environment_is_told_without_its_value(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("WORKER_SUBJECTS", value)
    assert SECRET not in wrong()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://:{SECRET}@db:6379/0", "redis://:********@db:6379/0"),
        (f"redis://ada:{SECRET}@db", "redis://ada:********@db"),
        ("redis://db:6379/1", "redis://db:6379/1"),
        (SECRET, "********"),
    ],
)
def test_the_stores_url_is_shown_without_its_password(url: str, shown: str, write: Write) -> None:
    loaded = load(write(f"[redis]\nurl = '{url}'"))
    assert loaded.settings.redis.url.get_secret_value() == url
    assert listed(loaded, "redis.url")[0] == shown


def test_one_topic_can_not_stand_for_two_things(write: Write) -> None:
    message = wrong(write("[topics]\nenriched = 'a'\nexposures = 'a'"))
    assert "topics" in message
    assert "topic a stands for 2 things" in message


@pytest.mark.parametrize("start", ["earliest", "latest", "2026-01-31T00:00:00Z"])
def test_a_new_group_begins_at_a_known_place(start: str, write: Write) -> None:
    assert load(write(f"[kafka]\nstart = '{start}'")).settings.kafka.start == start
    assert "expected earliest, latest or an RFC 3339 time" in wrong(write("[kafka]\nstart = 'yesterday'"))
