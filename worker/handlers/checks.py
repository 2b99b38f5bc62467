"""What the parameters of api methods may be.

A check returns what was expected instead of a wrong value, None for a right one. Vocabularies and limits are those of
the Actions reference; whether a value is JSON at all is the business of `arguments.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal, get_args

Check = Callable[[Any], str | None]

Provider = Literal["any", "duo", "google-authenticator", "guardian", "none"]
ChallengeFactor = Literal[
    "otp", "email", "push-notification", "phone", "webauthn-platform", "webauthn-roaming", "recovery-code"
]
EnrollmentFactor = Literal[
    "otp", "push", "push-notification", "phone", "webauthn-platform", "webauthn-roaming", "recovery-code"
]
CookieMode = Literal["persistent", "non-persistent"]
SignatureAlgorithm = Literal["rsa-sha256", "rsa-sha1"]
DigestAlgorithm = Literal["sha256", "sha1"]
EncryptionAlgorithm = Literal["aes256-gcm", "aes256-cbc"]

_URL = re.compile(r"(?i:https?)://([^\s/?#@:\[\]\\]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:[/?#]\S*)?")
_AUTH0_DOMAINS = ("auth0.com", "webtask.io", "webtask.run")
_ENDPOINT = re.compile(r"[A-Za-z0-9_.-]+")
_METADATA_KEY = re.compile(r"[A-Za-z0-9_-]{1,255}")
_METADATA_VALUE_MAX = 255
_USER_ID_MAX = 128
_MARCH_1973_MS = 100_000_000_000  # a smaller number of milliseconds was meant as seconds


def json(_: Any) -> None:
    """Any JSON value."""


def text(value: Any) -> str | None:
    """A string."""
    return None if type(value) is str else "a string"


def name(value: Any) -> str | None:
    """A string that says something."""
    return None if type(value) is str and value.strip() else "a string that is not blank"


def flag(value: Any) -> str | None:
    """A boolean."""
    return None if type(value) is bool else "True or False"


def positive(value: Any) -> str | None:
    """A whole number above zero."""
    return None if type(value) is int and value > 0 else "an int above 0"


def time_ms(value: Any) -> str | None:
    """Milliseconds since the Unix epoch."""
    right = type(value) is int and value >= _MARCH_1973_MS
    return None if right else "milliseconds since the Unix epoch (an int; seconds times 1000)"


def scalar(value: Any) -> str | None:
    """A value without parts; None removes."""
    return None if type(value) in _SCALARS else "a string, number, boolean or None"


def scalar_or_list(value: Any) -> str | None:
    """A SAML attribute's value: a scalar, None, or a list of scalars."""
    right = all(type(item) in _SCALARS and item is not None for item in value) if _is_list(value) else not scalar(value)
    return None if right else "a string, number, boolean, None, or a list of strings, numbers and booleans"


def texts(value: Any) -> str | None:
    """A list of strings."""
    return None if _is_list(value) and not any(map(text, value)) else "a list of strings"


def text_map(value: Any) -> str | None:
    """A dict of strings."""
    return None if isinstance(value, Mapping) and not any(map(text, value.values())) else "a dict of strings"


def json_object(value: Any) -> str | None:
    """A JSON object."""
    return None if type(value) is dict or isinstance(value, Mapping) else "a dict"


def scope(value: Any) -> str | None:
    """One OAuth scope."""
    right = type(value) is str and value and not any(map(str.isspace, value))
    return None if right else "one scope: a string without spaces"


def url(value: Any) -> str | None:
    """An absolute http or https URL."""
    return None if type(value) is str and _URL.fullmatch(value) else "a URL that begins with https:// or http://"


def claim(value: Any) -> str | None:
    """A namespaced claim: a URL whose host is not Auth0's. Tokens leave other claims out without a word."""
    if type(value) is str and _is_own_namespace(value):
        return None
    return f"a namespaced URL of your own such as https://example.com/claim (not under {', '.join(_AUTH0_DOMAINS)})"


def endpoint(value: Any) -> str | None:
    """Where an enrollment goes: a configured name or an https URL."""
    if type(value) is str and (_ENDPOINT.fullmatch(value) or (value[:6].lower() == "https:" and _URL.fullmatch(value))):
        return None
    return "a name from webhooks.endpoints (letters, digits, _ . -) or an https URL without user and password"


def user_id(value: Any) -> str | None:
    """A user's id."""
    return None if not name(value) and len(value) <= _USER_ID_MAX else f"a user id of 1 to {_USER_ID_MAX} characters"


def metadata_key(value: Any) -> str | None:
    """A key of session or refresh token metadata."""
    right = type(value) is str and _METADATA_KEY.fullmatch(value)
    return None if right else "a key of 1 to 255 letters, digits, _ or -"


def metadata_value(value: Any) -> str | None:
    """A value of session or refresh token metadata; None removes it."""
    right = value is None or (type(value) is str and len(value) <= _METADATA_VALUE_MAX)
    return None if right else f"a string of at most {_METADATA_VALUE_MAX} characters, or None"


def only_with(rule: str) -> Check:
    """Return the check of a parameter that has no place here; the rule says where it has one."""
    return lambda _: f"nothing: {rule}"


def one_of(literal: Any) -> Check:
    """Return the check of a closed vocabulary, a `Literal`."""
    values = get_args(literal)
    expected = "one of " + ", ".join(f'"{value}"' for value in values)
    return lambda value: None if type(value) is str and value in values else expected


def factor_of(literal: Any) -> Check:
    """Return the check of a factor: `{"type": …}`, optionally with `"options"`."""
    values = get_args(literal)
    expected = 'a factor {"type", "options"?} with a type of ' + ", ".join(f'"{value}"' for value in values)

    def check(value: Any) -> str | None:
        right = (
            isinstance(value, Mapping)
            and value.get("type") in values
            and isinstance(value.get("options", {}), Mapping)
            and not set(value) - {"type", "options"}
        )
        return None if right else expected

    return check


def some_of(item: Check) -> Check:
    """Return the check of a list that is not empty and whose items all pass another check."""

    def check(value: Any) -> str | None:
        if not _is_list(value) or not value:
            return f"a list that is not empty, each item {item(None)}"
        return next((f"each item to be {expected}" for expected in map(item, value) if expected), None)

    return check


provider = one_of(Provider)
challenge_factor = factor_of(ChallengeFactor)
challenge_factors = some_of(challenge_factor)
enrollment_factor = factor_of(EnrollmentFactor)
enrollment_factors = some_of(enrollment_factor)
cookie_mode = one_of(CookieMode)
signature_algorithm = one_of(SignatureAlgorithm)
digest_algorithm = one_of(DigestAlgorithm)
encryption_algorithm = one_of(EncryptionAlgorithm)

_SCALARS = frozenset({str, bool, int, float, type(None)})


@lru_cache(maxsize=1024)  # handlers set the same few claims on every event
def _is_own_namespace(key: str) -> bool:
    found = _URL.fullmatch(key)
    host = found[1].lower().rstrip(".") if found else ""
    return host != "" and not any(host == domain or host.endswith(f".{domain}") for domain in _AUTH0_DOMAINS)


def _is_list(value: Any) -> bool:
    return type(value) in {list, tuple}
