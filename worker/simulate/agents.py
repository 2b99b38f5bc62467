"""What people browse with: user agents and how often they are seen."""

from __future__ import annotations

from typing import Literal

import msgspec

from worker.simulate.dice import Weighted

AgentKind = Literal["desktop", "mobile", "tablet", "program"]

_CHROME = "(KHTML, like Gecko) Chrome/143.0.0.0"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_SAFARI = "Version/26.2"
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) {_WEBKIT}"
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36"
_WEB_VIEW = "Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/BP1A.250505.005; wv) AppleWebKit/537.36"


class Agent(msgspec.Struct, frozen=True):
    """A user agent."""

    kind: AgentKind
    text: str


def _agents(kind: AgentKind, *shares: tuple[int, str]) -> Weighted[Agent]:
    return Weighted(*((Agent(kind, text), weight) for weight, text in shares))


DESKTOPS = _agents(
    "desktop",
    (38, f"{_WINDOWS} AppleWebKit/537.36 {_CHROME} Safari/537.36"),
    (14, f"{_WINDOWS} AppleWebKit/537.36 {_CHROME} Safari/537.36 Edg/143.0.0.0"),
    (15, f"{_MAC} AppleWebKit/537.36 {_CHROME} Safari/537.36"),
    (12, f"{_MAC} {_WEBKIT} {_SAFARI} Safari/605.1.15"),
    (7, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:146.0) Gecko/20100101 Firefox/146.0"),
    (3, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:146.0) Gecko/20100101 Firefox/146.0"),
    (4, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (3, f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 {_CHROME} Safari/537.36"),
    (2, f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 {_CHROME} Safari/537.36"),
    (2, f"{_WINDOWS} AppleWebKit/537.36 {_CHROME} Safari/537.36 OPR/126.0.0.0"),
)
MOBILES = _agents(
    "mobile",
    (40, f"{_IPHONE} {_SAFARI} Mobile/15E148 Safari/604.1"),
    (8, f"{_IPHONE} CriOS/143.0.7499.92 Mobile/15E148 Safari/604.1"),
    (34, f"{_ANDROID} {_CHROME} Mobile Safari/537.36"),
    (9, f"{_ANDROID} (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36"),
    (4, "Mozilla/5.0 (Android 15; Mobile; rv:146.0) Gecko/146.0 Firefox/146.0"),
    (5, f"{_WEB_VIEW} (KHTML, like Gecko) Version/4.0 Chrome/143.0.7499.110 Mobile Safari/537.36"),
)
TABLETS = _agents(
    "tablet",
    (60, f"Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) {_WEBKIT} {_SAFARI} Mobile/15E148 Safari/604.1"),
    (25, f"Mozilla/5.0 (Linux; Android 14; SM-X910) AppleWebKit/537.36 {_CHROME} Safari/537.36"),
    (15, f"Mozilla/5.0 (Linux; Android 13; Lenovo TB350FU) AppleWebKit/537.36 {_CHROME} Safari/537.36"),
)
PROGRAMS = _agents(
    "program",
    (40, "python-requests/2.32.5"),
    (20, "curl/8.15.0"),
    (15, "okhttp/5.1.0"),
    (10, "Go-http-client/2.0"),
    (10, "PostmanRuntime/7.46.0"),
    (5, "Mozilla/5.0 (compatible; ExampleMonitor/2.1; +https://bot.example.com/about)"),
)
