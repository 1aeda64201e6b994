"""What the response headers tell of a turn."""

from __future__ import annotations

from chalicelib.domain.budget import Standing
from chalicelib.domain.turn import Head


def head_headers(head: Head) -> dict[str, str]:
    """The `x-tidegate-*` and `x-ratelimit-*` headers of an answer."""
    similar = {} if head.similarity is None else {"x-tidegate-similarity": f"{head.similarity:.3f}"}
    return {
        "x-tidegate-cache": head.cache,
        **similar,
        "x-tidegate-target": head.target,
        "x-tidegate-attempts": str(head.attempts),
        "x-tidegate-overhead-ms": str(head.overhead_ms),
        **limit_headers(head.standing),
    }


def limit_headers(standing: Standing) -> dict[str, str]:
    """Limit, remainder and reset of requests and tokens; a meter without a limit has no header."""
    headers: dict[str, str] = {}
    for meter, gauge in (("requests", standing.requests), ("tokens", standing.tokens)):
        if gauge is not None:
            headers[f"x-ratelimit-limit-{meter}"] = str(gauge.limit)
            headers[f"x-ratelimit-remaining-{meter}"] = str(gauge.remaining)
            headers[f"x-ratelimit-reset-{meter}"] = f"{gauge.reset_seconds}s"
    return headers
