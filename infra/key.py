"""Makes an API key: `make key TENANT=acme USER=ada [SCOPES=chat,admin] [PLAN=standard] [NAME=…]`. Shown once.

It is made in the stage that TIDEGATE_STAGE names, or else in the product that `make run` is serving here.
"""

import json
import os
import secrets
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, get_args

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import bootstrap, settings
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.identity import RANDOM_BYTES, Key, Peppers, Scope, mint
from chalicelib.domain.trail import key_made
from chalicelib.ports import Keys
from chalicelib.settings import SettingsError
from infra.hand import by_hand
from infra.reach import reason

DEFAULT_PLAN: Final = "standard"
HOME: Final = Path(__file__).parents[1] / ".local"


class Refused(Exception):
    """What is wrong with the wish, in one sentence."""


def make_key(environ: Mapping[str, str], keys: Keys, peppers: Peppers, *, live: bool, command: str = "make key") -> str:
    """Store a key for the tenant and user that `environ` names; its token, which is nowhere else."""
    key, token = new_key(environ, keys, peppers, live=live)
    keys.put(key, key_made(by_hand(command), key))
    return token


def new_key(environ: Mapping[str, str], keys: Keys, peppers: Peppers, *, live: bool) -> tuple[Key, str]:
    """A key for the tenant and user that `environ` names, which is not stored yet, and its token."""
    tenant, user = environ.get("TENANT", "").strip(), environ.get("USER", "").strip()
    if not tenant or not user:
        raise Refused("say whose key it is: make key TENANT=… USER=…")
    plan = environ.get("PLAN") or DEFAULT_PLAN
    if plan not in keys.plans():
        raise Refused(f"there is no plan '{plan}'; there are {', '.join(sorted(keys.plans())) or 'none'}")
    credential = mint(tenant, user, live=live, random=secrets.token_bytes(RANDOM_BYTES))
    key = Key(
        key_id=credential.key_id,
        tenant=tenant,
        user=user,
        scopes=scopes_of(environ.get("SCOPES") or "chat"),
        plan=plan,
        digest=peppers.digest(credential.token, peppers.current),
        pepper_version=peppers.current,
        created_at=int(time.time()),
        name=environ.get("NAME", ""),
    )
    return key, credential.token


def scopes_of(text: str) -> frozenset[Scope]:
    """Scopes from a list with commas."""
    wanted = {word.strip() for word in text.split(",")}
    known: tuple[Scope, ...] = get_args(Scope)
    if unknown := wanted - set(known):
        raise Refused(f"no scope '{unknown.pop()}'; there are {', '.join(known)}")
    return frozenset(scope for scope in known if scope in wanted)


def stage_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    """`environ` with the way to the product that is running here, unless it names a stage itself."""
    if "TIDEGATE_STAGE" in environ:
        return {**_secret_of(environ), **_region_of(environ), **environ}
    running = Path(environ.get("TIDEGATE_LOCAL_DIR") or HOME) / "running.json"
    try:
        found: dict[str, str] = json.loads(running.read_text())
    except (OSError, ValueError):
        raise Refused("the product is not running here: start it with `make run` in another terminal") from None
    ours = {name: value for name, value in environ.items() if name != "TIDEGATE_LOCAL_DIR"}
    return {**ours, **found}


def _region_of(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The Region under both of its names: of the SDKs each reads one."""
    named = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), named) if named else {}


def _secret_of(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Where the deployment of a stage keeps its peppers, unless they are given."""
    if environ["TIDEGATE_STAGE"] == settings.LOCAL or environ.get("TIDEGATE_PEPPER"):
        return {}
    return {"TIDEGATE_PEPPERS_SECRET": f"tidegate/{environ['TIDEGATE_STAGE']}/peppers"}


def main() -> int:
    """Print a new key, or one sentence on what is in the way."""
    try:
        os.environ.update(stage_environment(os.environ))
        os.environ.pop("TIDEGATE_LOCAL_DIR", None)
        read = settings.read(os.environ)
        keys = bootstrap.open_keys(bootstrap.open_database(read))
        print(make_key(os.environ, keys, bootstrap.peppers(read), live=not read.local))
    except (Refused, SettingsError, TidegateError, ClientError, BotoCoreError) as fault:
        print(f"no key was made: {reason(fault, os.environ)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
