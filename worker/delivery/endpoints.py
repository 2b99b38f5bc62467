"""Endpoints: where webhooks go, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from worker.delivery.signing import Signer

_PORTS = {"https": 443, "http": 80}
SCHEDULE_S = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""The specification's schedule of retries: seconds after the attempt before."""


class Endpoint(msgspec.Struct, frozen=True):
    """A receiver. `name` is the configured one, or the origin of a URL; `label` is what metrics call it.

    `headers` go with every attempt; an attempt may take `timeout_s`, and `max_in_flight` may be under way at once.
    """

    name: str
    label: str
    url: str
    signer: Signer
    headers: Mapping[str, str]
    timeout_s: float
    max_in_flight: int
    schedule_s: Sequence[float]


class NoEndpointError(Exception):
    """There is no such endpoint, or it may not be used; the message says what was expected."""


class Endpoints:
    """The configured endpoints by name, and the rules for URLs.

    `allow_urls` are beginnings of URLs that enrollments may name; they get `url_signer`'s signatures.
    """

    def __init__(
        self, named: Mapping[str, Endpoint], allow_urls: Sequence[str], url_signer: Signer, *, allow_http: bool
    ) -> None:
        self.named = named
        self._allowed = [urlsplit(each) for each in allow_urls]
        self._signer = url_signer
        self._allow_http = allow_http

    def of(self, text: str) -> Endpoint:
        """Return the endpoint of an enrollment: a name or a URL.

        Raises:
            NoEndpointError: there is none.
        """
        if "://" not in text:
            found = self.named.get(text)
            if found is None:
                raise NoEndpointError(f"no endpoint {text[:80]!r}, expected one of webhooks.endpoints")
            return found
        url = _split(text)
        if url is None or url.scheme not in ({"https", "http"} if self._allow_http else {"https"}):
            raise NoEndpointError("expected an https URL without user and password")
        if not any(_begins(url, allowed) for allowed in self._allowed):
            raise NoEndpointError("the URL is none that webhooks.allow_urls allows")
        origin = f"{url.scheme}://{url.netloc.lower()}"
        return Endpoint(origin, "url", text, self._signer, {}, 15.0, 16, SCHEDULE_S)


def _split(text: str) -> SplitResult | None:
    try:
        url = urlsplit(text)
        whole = bool(url.hostname) and url.port != 0 and "@" not in url.netloc
    except ValueError:
        return None
    return url if whole else None


def _begins(url: SplitResult, allowed: SplitResult) -> bool:
    """Tell whether a URL is below another: the same origin, and a path that continues it at a slash."""
    if _origin(url) != _origin(allowed):
        return False
    steps = unquote(url.path).replace("\\", "/").split("/")
    if ".." in steps or "." in steps:
        return False
    base = allowed.path.rstrip("/")
    return url.path == base or url.path.startswith(f"{base}/")


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)
