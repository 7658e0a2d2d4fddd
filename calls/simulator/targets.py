"""Where webhooks go, by what requests and verbs say."""

from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from calls.simulator.errands import Target, Targets


def target(url: str, method: str | None, username: str | None, password: str | None) -> Target:
    """A target with the method that the platform assumes."""
    return Target(url, method or "POST", username, password)


def targets(main: Target, fallback: Target | Literal[""] | None) -> Targets:
    """A main target, and a fallback where there is one."""
    return Targets(main, fallback or None)


@lru_cache(maxsize=1024)
def resolve(base_url: str | None, url: str) -> str | None:
    """An absolute URL; None for a relative one in a document that no URL supplied."""
    if urlsplit(url).scheme:
        return url
    return urljoin(base_url, url) if base_url else None


def targets_of(verb: Any, stem: str, base_url: str | None) -> Targets | None:
    """Where a webhook goes by what a verb says; None for a URL that leads nowhere."""
    second = getattr(verb, f"{stem}_fallback_url", None)
    main, fallback = resolve(base_url, getattr(verb, f"{stem}_url")), None
    if main is None:
        return None
    first = target(
        main,
        getattr(verb, f"{stem}_method", None),
        getattr(verb, "username", None),
        getattr(verb, "password", None),
    )
    if second:
        there = resolve(base_url, second)
        if there is None:
            return None
        fallback = target(
            there,
            getattr(verb, f"{stem}_fallback_method", None),
            getattr(verb, "fallback_username", None),
            getattr(verb, "fallback_password", None),
        )
    return Targets(first, fallback)
