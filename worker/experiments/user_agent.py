"""What a user agent tells: the kind of device, the browser and the platform.

ua-parser names the families; the kind of device follows from them by the rules below, the first that fits wins. An iPad
that asks for desktop sites (the default since iPadOS 13) sends what a Mac sends and is a desktop here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from ua_parser import Result

DeviceType = Literal["mobile", "tablet", "desktop", "bot", "other"]

_LONGEST = 2048
_REMEMBERED = 16_384
_PROGRAMS = re.compile(
    r"(?:curl|wget|python|go-http-client|java|apache-httpclient|axios|node|node-fetch|undici|postmanruntime|insomnia"
    r"|libwww-perl|ruby|faraday|guzzlehttp|headless\w+)\b",
    re.IGNORECASE,
)
_APPLIANCES = re.compile(r"TV\b|TV\d|BRAVIA|\bAFT[A-Z]|Chromecast|CrKey|Web0S|Roku|PlayStation|Nintendo|Xbox|\bQuest\b")
_PHONES = {"ios", "windows phone", "windows mobile", "kaios", "blackberry os", "firefox os", "symbian os", "brew mp"}
_DESKTOPS = {
    "windows",
    "mac os x",
    "mac os",
    "chrome os",
    "linux",
    "ubuntu",
    "debian",
    "fedora",
    "red hat",
    "gentoo",
    "freebsd",
    "openbsd",
    "netbsd",
    "solaris",
}


class Device(msgspec.Struct, frozen=True, gc=False):
    """Family names in lower case, None where the user agent tells none."""

    device_type: DeviceType
    browser: str | None
    platform: str | None


class _Clues(msgspec.Struct, frozen=True):
    text: str
    browser: str
    platform: str
    device: str


_RULES: Sequence[tuple[DeviceType, Callable[[_Clues], object]]] = (
    ("bot", lambda it: it.device == "Spider"),
    ("tablet", lambda it: it.device.startswith("iPad")),
    ("mobile", lambda it: it.device.startswith(("iPhone", "iPod", "iOS-Device"))),
    # Scripts, and browsers without a screen.
    ("bot", lambda it: _PROGRAMS.match(it.browser or it.text)),
    # Televisions, sticks, consoles and headsets often run Android or Windows.
    ("other", lambda it: _APPLIANCES.search(it.text)),
    ("tablet", lambda it: "Tablet" in it.device or it.device == "Kindle" or it.platform == "blackberry tablet os"),
    # Android browsers write "Mobile" on phones and leave it out on tablets; apps write neither.
    ("mobile", lambda it: it.platform == "android" and ("Mobile" in it.text or not it.text.startswith("Mozilla/"))),
    ("tablet", lambda it: it.platform == "android"),
    ("mobile", lambda it: it.platform in _PHONES or it.device in {"Generic Smartphone", "Generic Feature Phone"}),
    ("mobile", lambda it: it.platform == "linux" and "Mobile" in it.text),
    ("desktop", lambda it: it.platform in _DESKTOPS),
    ("other", lambda _: True),
)


def parse_user_agent(text: str) -> Device:
    """Return what the text tells; all but its first 2,048 characters is ignored. Remembers the latest ones."""
    return _parse(text[:_LONGEST])


@lru_cache(_REMEMBERED)
def _parse(text: str) -> Device:
    import ua_parser  # noqa: PLC0415 - its tables take a tenth of a second, and few experiments need them

    found = ua_parser.parse(text)
    clues = _clues(text, found)
    kind = next(kind for kind, fits in _RULES if fits(clues))
    return Device(kind, clues.browser.lower() or None, clues.platform or None)


def _clues(text: str, found: Result) -> _Clues:
    return _Clues(
        text,
        found.user_agent.family if found.user_agent else "",
        found.os.family.lower() if found.os else "",
        found.device.family if found.device else "",
    )
