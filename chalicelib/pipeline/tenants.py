"""What an administrator says of a tenant: its own plan, and where it is told that work is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chalicelib.domain.destinations import Reach, destination
from chalicelib.domain.errors import BadRequest, NotFound
from chalicelib.domain.identity import Tenant
from chalicelib.domain.trail import By, tenant_updated
from chalicelib.domain.webhooks import SECRET_BYTES, SigningSecret, Webhook, new_secret, rotated
from chalicelib.ports import Keys


class HookWish(Struct, frozen=True):
    """Where notices are to go; `rotate` asks for a new secret."""

    url: str
    rotate: bool = False


class TenantWish(Struct, frozen=True):
    """What is to change of a tenant; None is for none."""

    plan: str | UnsetType | None = UNSET
    webhook: HookWish | UnsetType | None = UNSET


class Changed(Struct, frozen=True):
    """A tenant's record, with the secret that was made for it just now, if one was."""

    record: Tenant
    secret: SigningSecret | None = None


@dataclass(frozen=True, slots=True)
class Tenants:
    """Tenants' records. `random` gives that many bytes that nobody can guess."""

    keys: Keys
    random: Callable[[int], bytes]
    reach: Reach

    def get(self, tenant: str) -> Changed:
        """The record of a tenant that has one, or at least a key."""
        record = self.keys.tenant(tenant)
        if record is None and not self.keys.list(tenant, None, after=None, limit=1)[0]:
            raise NotFound("tenant", tenant)
        return Changed(record or Tenant(tenant))

    def update(self, tenant: str, wish: TenantWish, by: By) -> Changed:
        """Change what the wish names; a webhook that is new, or rotated, gets a secret that is told this once."""
        if isinstance(wish.plan, str) and wish.plan not in self.keys.plans():
            raise BadRequest(f"There is no plan '{wish.plan}'.", param="plan")
        if isinstance(wish.webhook, HookWish):
            destination(wish.webhook.url, self.reach)
        secret = new_secret(self.random(SECRET_BYTES))

        def changed(record: Tenant) -> Tenant:
            plan = record.plan if wish.plan is UNSET else wish.plan
            hook = _hook(record.webhook, wish.webhook, secret, by.at)
            return msgspec.structs.replace(record, plan=plan, webhook=hook)

        record = self.keys.change_tenant(tenant, changed, partial(tenant_updated, by))
        is_new = record.webhook is not None and record.webhook.secrets[0] == secret
        return Changed(record, secret if is_new else None)


def _hook(
    known: Webhook | None, wish: HookWish | UnsetType | None, secret: SigningSecret, now: float
) -> Webhook | None:
    if not isinstance(wish, HookWish):
        return known if wish is UNSET else None
    if known is None:
        return Webhook(wish.url, (secret,))
    moved = msgspec.structs.replace(known, url=wish.url)
    return rotated(moved, secret, now) if wish.rotate else moved
