"""What a handler is told when it uses its event or api wrongly."""

from __future__ import annotations

import re
from collections.abc import Iterable


class ToldError(Exception):
    """An error whose text is ours and names code only, never data: it may stand in a dead letter."""


class WrongUseError(ToldError, TypeError):
    """A handler used its event or api wrongly.

    The message says what was found, by type and place, and what is right; it never holds the value.
    """


class ReadOnlyError(ToldError, AttributeError):
    """A handler tried to change its event."""


class UnknownParameterError(ToldError, KeyError):
    """A handler asked the config for a parameter that the flag does not have."""

    def __str__(self) -> str:
        return str(self.args[0])


class UnknownNameError(ToldError, AttributeError):
    """A handler asked its event or api for what is not there; the message has names of the code only."""


def snake_case(name: str) -> str:
    """Return the Python spelling of a camelCase name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def no_attribute(owner: str, name: str, known: Iterable[str], prefix: str = "") -> UnknownNameError:
    """Return the error of an attribute that is not there: what there is, and the one that was probably meant."""
    names = sorted(known)
    asked = repr(name) if name.isidentifier() else "attribute of that name"  # which may be data
    return UnknownNameError(f"{owner} has no {asked}{_hint(name, names, prefix)}; it has {', '.join(names) or 'none'}")


def _hint(name: str, names: list[str], prefix: str) -> str:
    for other in names:
        if snake_case(other) == snake_case(name):
            return f"; write {prefix}{other}"
    from difflib import get_close_matches  # noqa: PLC0415 - only wrong handlers pay for it

    close = get_close_matches(name, names, n=1)
    return f"; perhaps you mean {prefix}{close[0]}" if close else ""
