"""What must exist once and is never made twice: the pepper of the keys, and a first key for whoever deployed."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.budget import Limit, Plan
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.identity import Key, Peppers
from chalicelib.domain.trail import key_made, plan_put
from chalicelib.ports import Keys
from infra.deploy.account import Account, code_of, found
from infra.deploy.project import Project
from infra.deploy.steps import Change, Say
from infra.hand import by_hand
from infra.key import DEFAULT_PLAN, new_key

PEPPERS: Final = "TIDEGATE_PEPPERS_SECRET"
PEPPER: Final = "TIDEGATE_PEPPER"
OPERATOR: Final = {
    "TENANT": "operators",
    "USER": "first",
    "SCOPES": "chat,admin",
    "NAME": "made by the first deployment",
}
PEPPER_BYTES: Final = 32
COMMAND: Final = "make deploy"
# Enough to try it, and an end to what a leaked key can spend; `PUT /admin/plans/standard` says what is meant.
FIRST_PLAN: Final = Plan(
    DEFAULT_PLAN,
    limits=(Limit("user", "minute", requests=60, tokens=200_000), Limit("tenant", "day", tokens=5_000_000)),
)


class Pepper:
    """A step: the secret in Secrets Manager that the functions are told the name of."""

    title = "the pepper of the keys"

    def __init__(self, account: Account, project: Project) -> None:
        self._account = account
        self._stage = project.stage
        self.name = None if project.environment.get(PEPPER) else project.environment.get(PEPPERS)

    def changes(self) -> Sequence[Change]:
        if self.name is None or self.described() is not None:
            return []
        return [Change(f"secret {self.name}", "absent", "made, at random; never changed by a deployment")]

    def described(self) -> dict[str, Any] | None:
        """The secret without its value, or None."""
        if self.name is None:
            return None
        client = self._account.client("secretsmanager")
        seen: dict[str, Any] | None = found(lambda: client.describe_secret(SecretId=self.name))
        return seen

    def apply(self, say: Say) -> None:
        """Make the secret, unless somebody was faster: then theirs is the one."""
        value = {"current": 1, "peppers": {"1": secrets.token_urlsafe(PEPPER_BYTES)}}
        try:
            self._account.client("secretsmanager").create_secret(
                Name=self.name,
                Description="What Tidegate's key digests are made with. Without it every key is invalid.",
                SecretString=json.dumps(value),
                Tags=[{"Key": "tidegate:stage", "Value": self._stage}],
            )
        except ClientError as fault:
            if code_of(fault) != "ResourceExistsException":
                raise
        say(f"made the secret {self.name}")


class FirstKey:
    """A step: a plan, if there is none, and a key that may administer, which `show` is told once.

    It is shown before it is stored, so that no end in between leaves a key that nobody knows.
    """

    title = "the first key"

    def __init__(self, opened: Callable[[], tuple[Keys, Peppers]], show: Callable[[str], None] | None) -> None:
        self._opened = opened
        self._show = show

    def changes(self) -> Sequence[Change]:
        plans, own = self._there()
        made = [] if plans else [Change(f"plan {DEFAULT_PLAN}", "absent, as every other", _said(FIRST_PLAN))]
        if own or self._show is None:
            return made
        return [*made, Change(f"key of {OPERATOR['TENANT']}, chat and admin", "absent", "made, and shown once")]

    def is_wanted(self) -> bool:
        """Whether a key would be made now."""
        return self._show is not None and not self._there()[1]

    def _there(self) -> tuple[Mapping[str, Plan], Sequence[Key]]:
        """Plans, and a key of the first tenant."""
        try:
            keys, _ = self._opened()
            return keys.plans(), keys.list(OPERATOR["TENANT"], None, after=None, limit=1)[0]
        except (TidegateError, ClientError, BotoCoreError):
            return {}, ()  # what it is kept in is not there yet

    def apply(self, say: Say) -> None:
        keys, peppers = self._opened()
        if not keys.plans():
            keys.put_plan(FIRST_PLAN, plan_put(by_hand(COMMAND), None, FIRST_PLAN))
            say(f"made the plan {DEFAULT_PLAN}")
        if self._show is not None and not keys.list(OPERATOR["TENANT"], None, after=None, limit=1)[0]:
            key, token = new_key(OPERATOR, keys, peppers, live=True)
            self._show(token)
            keys.put(key, key_made(by_hand(COMMAND), key))


def _said(plan: Plan) -> str:
    return ", ".join(f"{each.tokens:,} tokens a {each.window} for each {each.subject}" for each in plan.limits)
