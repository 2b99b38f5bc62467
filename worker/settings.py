"""Settings: the only reader of the environment and of `worker.toml`.

Four layers, later ones win: defaults, the file, the environment (`WORKER_SUBJECTS__PEPPER`), flags. Every value knows
the layer it came from, so that a wrong one is reported by name, source and what was expected.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import msgspec
import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from worker.delivery.endpoints import SCHEDULE_S
from worker.delivery.signing import key_of
from worker.formats.fields import is_rfc3339

ENV_PREFIX = "WORKER_"
DEFAULT_FILE = Path("worker.toml")
_MASK = "********"
_SECRETS = (
    ("subjects", "pepper"),
    ("redis", "url"),
    ("kafka", "sasl_password"),
    ("kafka", "sasl_client_secret"),
    ("kafka", "ssl_key_password"),
)
_PATHS = (
    ("definitions", "path"),
    ("kafka", "sasl_token_file"),
    ("kafka", "ssl_ca_file"),
    ("kafka", "ssl_cert_file"),
    ("kafka", "ssl_key_file"),
)


class WrongSettingsError(Exception):
    """The settings can't be used; the message has one line per wrong setting."""


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _split_list(value: object) -> object:
    """Let an environment variable list paths with commas, or as JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return orjson.loads(value)
    return [entry.strip() for entry in value.split(",") if entry.strip()]


def _check_start(text: str) -> str:
    if text in {"earliest", "latest"} or is_rfc3339(text):
        return text
    raise ValueError("expected earliest, latest or an RFC 3339 time like 2026-01-31T00:00:00Z")


class Definitions(_Group):
    """Where the definitions are."""

    path: Path | None = Field(None, description="A definitions file (YAML or JSON), or a folder of them.")
    reload: bool = Field(
        True, description="Watch them while running; an edit with errors keeps the last good set and says so."
    )


class Subjects(_Group):
    """How subjects are named."""

    pepper: SecretStr | None = Field(
        None, min_length=1, description="The key of the HMAC that turns identifiers into keys (secret)."
    )
    device_path: str = Field(
        "event.request.query.device_id",
        pattern=r"^event(\.[^.]+)+$",
        description="Where the device id stands, for experiments whose subject is the device.",
    )
    link_days: int = Field(
        30, ge=1, le=3650, description="How long records of e-mails, phone numbers and usernames live unused, in days."
    )


class Exposures(_Group):
    """Which contexts are recorded as exposures."""

    when: Literal["attached", "read"] = Field(
        "attached", description="Record a context when it is attached, or when a handler reads it."
    )
    repeat: Literal["every", "first"] = Field(
        "every", description="Record every context, or of stored assignments only the first."
    )

    @model_validator(mode="after")
    def _refuse_first_read(self) -> Self:
        if self.when == "read" and self.repeat == "first":
            raise ValueError("when = read and repeat = first don't go together: the first context may not be read")
        return self


_TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
_OptionalTopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{0,249}$")]


_TOKEN_URL = r"^(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/]).+$"  # noqa: S105 - a secret goes there
_LOGIN_BY_NAME = {"sasl_username", "sasl_password"}
_LOGIN_BY_CLIENT = {"sasl_token_url", "sasl_client_id", "sasl_client_secret"}
_LOGIN_OPTIONAL = {True: {"sasl_token_file", "sasl_scope"}, False: set[str]()}
_LOGIN = (
    "sasl_mechanism",
    "sasl_username",
    "sasl_password",
    "sasl_token_file",
    "sasl_token_url",
    "sasl_client_id",
    "sasl_client_secret",
    "sasl_scope",
)
_CERTIFICATES = ("ssl_ca_file", "ssl_cert_file", "ssl_key_file", "ssl_key_password")


class Kafka(_Group):
    """The cluster that events come from and outputs go to."""

    bootstrap_servers: str = Field(
        "127.0.0.1:9092", min_length=1, description="Where to connect: host:port, several with commas."
    )
    group_id: str = Field(
        "experiment-worker", min_length=1, description="The consumer group; transactional ids begin with it."
    )
    client_id: str = Field("experiment-worker", description="How the worker names itself in the brokers' logs.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="What the brokers' listener speaks: TLS with SSL, a login with SASL."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = Field(
        None, description="How the worker logs in: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER."
    )
    sasl_username: str | None = Field(None, min_length=1, description="The user, for PLAIN and SCRAM.")
    sasl_password: SecretStr | None = Field(None, min_length=1, description="The user's password (secret).")
    sasl_token_file: Path | None = Field(
        None, description="OAUTHBEARER: a file with the token, read anew for each connection."
    )
    sasl_token_url: str | None = Field(
        None, pattern=_TOKEN_URL, description="OAUTHBEARER: where tokens are given for client credentials (https)."
    )
    sasl_client_id: str | None = Field(None, min_length=1, description="OAUTHBEARER: the client at that server.")
    sasl_client_secret: SecretStr | None = Field(None, min_length=1, description="The client's secret (secret).")
    sasl_scope: str | None = Field(None, min_length=1, description="OAUTHBEARER: the scope to ask for, if any.")
    ssl_ca_file: Path | None = Field(
        None, description="Whom to believe: certificates (PEM); without it the system's authorities."
    )
    ssl_cert_file: Path | None = Field(
        None, description="The worker's own certificate with its chain (PEM), for brokers that ask for one."
    )
    ssl_key_file: Path | None = Field(None, description="Its private key (PEM), unless that is in the same file.")
    ssl_key_password: SecretStr | None = Field(
        None, min_length=1, description="What the key is encrypted with (secret)."
    )
    ssl_check_hostname: bool = Field(True, description="Whether the broker's certificate must be for its host name.")
    group_instance_id: str | None = Field(
        None,
        min_length=1,
        description="Static membership: a name that only this worker has (a StatefulSet's pod name), or none.",
    )
    start: Annotated[str, AfterValidator(_check_start)] = Field(
        "earliest", description="Where a new group begins: earliest, latest or an RFC 3339 time."
    )
    isolation_level: Literal["read_committed", "read_uncommitted"] = Field(
        "read_committed", description="Whether events of open and aborted transactions are read."
    )
    batch_max_records: int = Field(1000, ge=1, le=10_000, description="The most events of one transaction.")
    session_timeout_ms: int = Field(
        10_000, ge=1000, le=300_000, description="After how long without a heartbeat a worker has left, in ms."
    )
    transaction_timeout_ms: int = Field(
        20_000, ge=2000, le=900_000, description="After how long the broker aborts a transaction left open, in ms."
    )
    max_transactions: int = Field(
        8, ge=1, le=1000, description="How many partitions of one worker may have a transaction open at once."
    )
    compression: Literal["none", "gzip", "lz4", "zstd"] = Field("zstd", description="How outputs are compressed.")

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        given = [name for name in _LOGIN if getattr(self, name) is not None]
        if not self.security_protocol.startswith("SASL"):
            if given:
                raise ValueError(
                    f"{given[0]} is set and security_protocol is {self.security_protocol}, expected SASL_SSL"
                )
            return self
        if self.sasl_mechanism is None:
            raise ValueError(f"security_protocol is {self.security_protocol}, expected sasl_mechanism as well")
        by_token = self.sasl_mechanism == "OAUTHBEARER"
        if by_token and (self.sasl_token_file is None) == (self.sasl_token_url is None):
            raise ValueError("sasl_mechanism is OAUTHBEARER, expected either sasl_token_file or sasl_token_url")
        wanted = {"sasl_mechanism"} | (_LOGIN_BY_NAME if not by_token else set())
        if self.sasl_token_url is not None:
            wanted |= _LOGIN_BY_CLIENT
        missing = [name for name in _LOGIN if name in wanted and name not in given]
        if missing:
            raise ValueError(f"sasl_mechanism is {self.sasl_mechanism}, expected {' and '.join(missing)} as well")
        needless = [name for name in given if name not in wanted | _LOGIN_OPTIONAL[by_token]]
        if needless:
            raise ValueError(f"sasl_mechanism is {self.sasl_mechanism}, which {needless[0]} is not for")
        return self

    @model_validator(mode="after")
    def _check_certificates(self) -> Self:
        given = [name for name in _CERTIFICATES if getattr(self, name) is not None]
        if given and not self.security_protocol.endswith("SSL"):
            raise ValueError(
                f"{given[0]} is set and security_protocol is {self.security_protocol}, expected SSL or SASL_SSL"
            )
        if self.ssl_cert_file is None and (self.ssl_key_file or self.ssl_key_password):
            raise ValueError("the key of a certificate is set, expected ssl_cert_file as well")
        return self


class Topics(_Group):
    """The names of the topics, and how `topics create` makes them."""

    triggers: _TopicName = Field("auth.triggers", description="Trigger events, read.")
    enriched: _OptionalTopicName = Field(
        "auth.triggers.enriched", description="Events with their experiment; empty: not written."
    )
    exposures: _TopicName = Field("experiment.exposures", description="Exposures.")
    enrollments: _TopicName = Field("experiment.enrollments", description="Enrollments: webhooks asked for.")
    commands: _OptionalTopicName = Field("experiment.commands", description="Commands; empty: not written.")
    assignments: _TopicName = Field("experiment.assignments", description="Assignments (compacted).")
    erasures: _TopicName = Field(
        "experiment.erasures", description="Who was erased on request (compacted): no restore brings them back."
    )
    dead_letters: _TopicName = Field("auth.triggers.dlq", description="Dead letters.")
    redriven: _TopicName = Field(
        "auth.triggers.dlq.redriven", description="Which dead letters were sent back (compacted); for `dlq`."
    )
    retries: _TopicName = Field(
        "experiment.enrollments.retries", description="Enrollments that `deliver` tries again later."
    )
    endpoints: _TopicName = Field(
        "experiment.webhooks.endpoints", description="Which endpoints are disabled (compacted); for `deliver`."
    )
    enrollments_dead_letters: _TopicName = Field(
        "experiment.enrollments.dlq", description="Enrollments that `deliver` gave up."
    )
    partitions: int = Field(8, ge=1, le=10_000, description="For `topics create`: partitions of each topic.")
    replication_factor: int = Field(1, ge=1, le=10, description="For `topics create`: replicas of each partition.")
    partitioning: Literal["input", "key"] = Field(
        "input", description="Where outputs go: to the input's partition where the counts are equal, or by key hash."
    )

    @model_validator(mode="after")
    def _refuse_one_name_twice(self) -> Self:
        kinds = [kind for kind, field in type(self).model_fields.items() if field.annotation is str]
        given = Counter(name for kind in kinds if (name := getattr(self, kind)))
        for name, times in given.items():
            if times > 1:
                raise ValueError(f"topic {name} stands for {times} things, expected a topic for each")
        return self


class DeadLetters(_Group):
    """How many dead letters are too many."""

    max_consecutive: int = Field(
        1000, ge=0, description="How many dead letters of a partition in a row stop the worker; 0: none do."
    )
    max_ratio: float = Field(
        1.0, gt=0, le=1, description="More dead letters than this part of the last 1,000 inputs stop it; 1: none do."
    )
    max_deaths: int = Field(
        3, ge=1, le=100, description="How many processes may die of one record that is tried alone."
    )


class Redis(_Group):
    """The store of sticky assignments."""

    url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="Where the store is: redis://, redis+sentinel://, redis+cluster://, rediss… (may hold a password).",
    )
    key_prefix: str = Field("xp", pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="What every key begins with.")
    ttl_days: int = Field(400, ge=1, le=3650, description="How long records of users and devices live unused, in days.")
    timeout_ms: int = Field(2000, ge=10, le=60_000, description="How long to wait for an answer, in ms.")
    on_outage: Literal["wait", "hash"] = Field(
        "wait",
        description="While the store is away: hold the partitions and wait, or go on with what the hash says.",
    )
    claim_max_age_ms: int = Field(
        5000, ge=100, le=60_000, description="How old an answer may be when its transaction begins, in ms."
    )
    cache_records: int = Field(
        100_000, ge=0, le=10_000_000, description="How many answers a worker remembers for a minute; 0: none."
    )


def _check_secret(secret: SecretStr) -> SecretStr:
    key_of(secret.get_secret_value())
    return secret


def _check_url(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"https", "http"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("expected an https URL without user and password")
    return url


def _check_network(text: str) -> str:
    ip_network(text)
    return text


_WebhookSecret = Annotated[SecretStr, AfterValidator(_check_secret)]
_EndpointName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


class WebhookEndpoint(_Group):
    """One receiver of webhooks."""

    url: Annotated[SecretStr, AfterValidator(_check_url)]
    secrets: tuple[_WebhookSecret, ...] = ()
    headers: dict[str, SecretStr] = {}
    timeout_s: float = Field(15.0, gt=0, le=60)
    max_in_flight: int = Field(16, ge=1, le=1000)
    retry_schedule_s: tuple[Annotated[float, Field(gt=0, le=86_400)], ...] = SCHEDULE_S


class Webhooks(_Group):
    """Where enrollments are delivered."""

    endpoints: dict[_EndpointName, WebhookEndpoint] = Field(
        {},
        description="Receivers by name: `url`, `secrets`, `headers`, `timeout_s`, `max_in_flight`, `retry_schedule_s`.",
    )
    allow_urls: tuple[str, ...] = Field(
        (), description="Beginnings of the URLs that enrollments may name instead of an endpoint."
    )
    url_secrets: tuple[_WebhookSecret, ...] = Field(
        (), description="What deliveries to such URLs are signed with (secret)."
    )
    allow_http: bool = Field(False, description="Whether http may be used, unencrypted.")
    allow_networks: tuple[Annotated[str, AfterValidator(_check_network)], ...] = Field(
        (), description="Networks (CIDR) that may be dialled besides public addresses."
    )

    @model_validator(mode="after")
    def _refuse_http(self) -> Self:
        for name, endpoint in self.endpoints.items():
            if not self.allow_http and urlsplit(endpoint.url.get_secret_value()).scheme != "https":
                raise ValueError(f"endpoint {name} has an http URL, expected https, or allow_http = true")
        return self


class Http(_Group):
    """Where the worker can be watched."""

    host: str = Field("0.0.0.0", min_length=1, description="The address to listen on.")  # noqa: S104 - probes and scrapes come from outside
    port: int = Field(8080, ge=0, le=65_535, description="/livez, /readyz and /metrics; 0: off.")


class Input(_Group):
    """What an input may be."""

    max_bytes: int = Field(1 << 20, ge=1, le=1 << 26, description="The longest input, in bytes.")
    max_depth: int = Field(64, ge=2, le=512, description="The deepest nesting of objects and arrays, in levels.")


class Settings(BaseSettings):
    """All settings of the worker, frozen."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__", validate_default=False
    )

    definitions: Definitions = Definitions()
    handlers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_list)] = Field(
        (), description="Import paths or files of the handlers, in the order in which they run."
    )
    processes: int = Field(
        1, ge=1, le=256, description="How many processes one `run` is, each a worker with a core of its own."
    )
    watchdog_s: int = Field(
        60, ge=0, le=86_400, description="After how long a frozen process ends, in seconds; 0: never."
    )
    subjects: Subjects = Subjects()
    exposures: Exposures = Exposures()
    kafka: Kafka = Kafka()
    topics: Topics = Topics()
    dead_letters: DeadLetters = DeadLetters()
    redis: Redis = Redis()
    webhooks: Webhooks = Webhooks()
    http: Http = Http()
    input: Input = Input()

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` merged and nothing else: it knows where each value came from."""
        del settings_cls
        return (init_settings,)


class Setting(msgspec.Struct, frozen=True):
    """One setting in force: its dotted name, its value (a secret's is masked) and where it came from."""

    name: str
    value: Any
    source: str


class Loaded(msgspec.Struct, frozen=True):
    """The settings in force, and the same one by one with their sources."""

    settings: Settings
    listing: tuple[Setting, ...]


_Layer = dict[tuple[str, ...], tuple[Any, str]]


def load(file: Path | None = None, flags: Mapping[tuple[str, ...], tuple[Any, str]] | None = None) -> Loaded:
    """Merge the layers and check the result.

    `file` must exist if given; without it `worker.toml` of the working folder is read if it is there. `flags` maps a
    setting's path to its value and the flag's name. Relative paths of the file are relative to the file's folder.

    Raises:
        WrongSettingsError: with the name, the source and what was expected of each wrong setting.
    """
    values: _Layer = {**_from_file(file), **_from_environment(), **(flags or {})}
    nested: dict[str, Any] = {}
    for path in values:
        _put(nested, path, values)
    try:
        settings = Settings(**nested)
    except ValidationError as error:
        raise WrongSettingsError("\n".join(_explain(error, values))) from None
    return Loaded(settings, tuple(_listing(settings, values)))


def _from_file(file: Path | None) -> _Layer:
    chosen = file or DEFAULT_FILE
    if file is None and not chosen.exists():
        return {}
    try:
        document = tomllib.loads(chosen.read_text("utf-8"))
    except OSError as error:
        raise WrongSettingsError(f"{chosen}: {error.strerror}, expected a settings file (TOML)") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSettingsError(f"{chosen}: not TOML: {error}") from None
    return {path: (_based(path, value, chosen.parent), str(chosen)) for path, value in _leaves(document)}


def _based(path: tuple[str, ...], value: Any, folder: Path) -> Any:
    """Make the file's relative paths relative to its folder."""
    if path in _PATHS and isinstance(value, str):
        return folder / value
    if path == ("handlers",) and isinstance(value, (str, list)):
        entries = [value] if isinstance(value, str) else value
        return [str(folder / entry) if str(entry).endswith(".py") else entry for entry in entries]
    return value


def _from_environment() -> _Layer:
    """Read `WORKER_GROUP__NAME`; a variable with our prefix and nesting that names no group is refused."""
    for variable in os.environ:
        group, nested, _ = variable.upper().removeprefix(ENV_PREFIX).lower().partition("__")
        if variable.upper().startswith(ENV_PREFIX) and nested and group not in Settings.model_fields:
            raise WrongSettingsError(
                f"{variable}: no such group of settings{_suggestion(group, Settings.model_fields)}"
            )
    try:
        document = EnvSettingsSource(Settings)()
    except SettingsError as error:
        raise WrongSettingsError(f"environment: {error}; write groups as {ENV_PREFIX}GROUP__NAME") from None
    return {path: (value, ENV_PREFIX + "__".join(path).upper()) for path, value in _leaves(document)}


def _leaves(document: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _put(nested: dict[str, Any], path: tuple[str, ...], values: _Layer) -> None:
    value, source = values[path]
    group = nested
    for depth, name in enumerate(path[:-1], 1):
        group = group.setdefault(name, {})
        if not isinstance(group, dict):
            whole = f"{'.'.join(path[:depth])} (from {values[path[:depth]][1]})"
            raise WrongSettingsError(f"{whole} is one value: it can't have {'.'.join(path)} (from {source}) as well")
    group[path[-1]] = value


def _explain(error: ValidationError, values: _Layer) -> Iterator[str]:
    for problem in error.errors():
        path = tuple(str(part) for part in problem["loc"])
        name, source = ".".join(path), _source(path, values)
        if problem["type"] == "extra_forbidden":
            yield f"{name} (from {source}): no such setting{_suggestion(name, dict(names()))}"
        else:
            secret = any(path == each[: len(path)] for each in _SECRETS) or path[0] == "webhooks"
            found = "" if secret else f", found {str(problem['input'])[:80]!r}"
            yield f"{name} (from {source}): {problem['msg']}{found}"


def _source(path: tuple[str, ...], values: _Layer) -> str:
    """Return where a setting came from; a group's parts and what it is a part of are looked at as well."""
    found = [source for given, (_, source) in values.items() if given[: len(path)] == path[: len(given)]]
    return ", ".join(dict.fromkeys(found)) or "default"


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def names() -> Iterator[tuple[str, str]]:
    """Yield every setting's dotted name and description."""
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, _Group):
            for inner, inner_field in field.annotation.model_fields.items():
                yield f"{name}.{inner}", inner_field.description or ""
        else:
            yield name, field.description or ""


def _listing(settings: Settings, values: _Layer) -> Iterator[Setting]:
    for name, _ in names():
        value: Any = settings
        for part in name.split("."):
            value = getattr(value, part)
        yield Setting(name, _shown(value), _source(tuple(name.split(".")), values))


def _masked(secret: str) -> str:
    """Return a URL without its password; anything else is secret as a whole."""
    scheme, separator, rest = secret.partition("://")
    if not separator:
        return _MASK
    credentials, at, place = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}://{user}:{_MASK}@{place}" if at else secret


def _shown(value: Any) -> Any:
    match value:
        case SecretStr():
            return _masked(value.get_secret_value())
        case Path():
            return str(value)
        case tuple():
            return [_shown(each) for each in value]
        case dict():
            return {name: _shown(each) for name, each in value.items()}
        case WebhookEndpoint():
            url = urlsplit(value.url.get_secret_value())
            shown = {name: _shown(getattr(value, name)) for name in WebhookEndpoint.model_fields}
            return shown | {"url": f"{url.scheme}://{url.netloc}/" + (_MASK if url.query or len(url.path) > 1 else "")}
        case _:
            return value
