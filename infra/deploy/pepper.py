"""`make pepper`: a stage's next pepper, in two runs: the first adds it, the second makes it current."""

import json
import secrets
from collections.abc import Sequence
from typing import Any, Final

from chalicelib.adapters.secrets.peppers import parsed
from chalicelib.domain.errors import Misconfigured
from infra.deploy.account import Account
from infra.deploy.faults import CannotDeploy
from infra.deploy.secrets import PEPPER_BYTES
from infra.deploy.steps import Change, Say

SEEN_SECONDS: Final = 360
"""By then every process has read it: each does so after five minutes, and once more after half a minute."""


class NextPepper:
    """A step: adds a version that nothing uses yet, or makes the newest one current once every process knows it."""

    title = "the next pepper of the keys"

    def __init__(self, account: Account, name: str, now: float) -> None:
        self._client = account.client("secretsmanager")
        self._name = name
        self._now = now

    def changes(self) -> Sequence[Change]:
        told = self._told()
        newest, current = max(map(int, told["peppers"])), int(told["current"])
        if newest == current:
            return [Change(f"secret {self._name}", f"current {current}", f"version {newest + 1} beside it")]
        return [Change(f"secret {self._name}", f"current {current}", f"current {newest}")]

    def apply(self, say: Say) -> None:
        told = self._told()
        newest = max(map(int, told["peppers"]))
        if newest == int(told["current"]):
            told["peppers"][str(newest + 1)] = secrets.token_urlsafe(PEPPER_BYTES)
            then = f"added version {newest + 1}: run it again after {SEEN_SECONDS // 60} minutes, to make it current"
        else:
            self._refuse_early()
            told["current"] = newest
            then = f"new keys are made with version {newest}"
        self._client.put_secret_value(SecretId=self._name, SecretString=json.dumps(told))
        say(then)

    def _told(self) -> dict[str, Any]:
        text = self._client.get_secret_value(SecretId=self._name)["SecretString"]
        try:
            parsed(text, self._name)
        except Misconfigured as fault:
            raise CannotDeploy(f"{fault.message}: mend it first") from None
        told: dict[str, Any] = json.loads(text)
        return told

    def _refuse_early(self) -> None:
        changed = self._client.describe_secret(SecretId=self._name)["LastChangedDate"].timestamp()
        left = SEEN_SECONDS - int(self._now - changed)
        if left > 0:
            raise CannotDeploy(f"not every process knows the new version yet: run it again in {left} s")
