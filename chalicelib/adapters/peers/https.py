"""Calls that are passed on to the product in another Region, over kept connections; never twice, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import urllib3
from urllib3.exceptions import HTTPError

from chalicelib.adapters.http1.standing import PIECE
from chalicelib.domain.regions import HomeAway
from chalicelib.ports.regions import Errand, Passed

CONNECT_SECONDS = 2.0


class HttpsPeer:
    """`Peer` over HTTPS: the caller's own words go there, and its key with them, which that Region verifies."""

    def __init__(self, answer_seconds: float) -> None:
        """`answer_seconds` is the longest silence of the other Region."""
        self._seconds = answer_seconds
        self._pool = urllib3.PoolManager(num_pools=8, maxsize=64, retries=False)

    def __call__(self, url: str, errand: Errand) -> Passed:
        """One request, whose answer is read as it comes."""
        try:
            response = self._pool.request(
                errand.method,
                url.rstrip("/") + errand.path,
                body=errand.body,
                headers=errand.headers,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=self._seconds),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except HTTPError as fault:
            raise HomeAway("The home of this key does not answer. Nobody knows whether it was asked.") from fault
        return Passed(response.status, dict(response.headers.items()), _pieces(response))


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The body as it comes; `HomeAway` where it breaks off."""
    try:
        yield from _read(response)
    except HTTPError as fault:
        raise HomeAway("The home of this key broke off in the middle of its answer.") from fault
    finally:
        response.close()


def _read(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    while piece := response.read1(PIECE):
        yield piece
