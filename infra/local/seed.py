"""What a run begins with: a plan, a key for its user and one for its administrator, and no turn from before."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import bootstrap, settings
from chalicelib.domain.budget import Limit, Plan
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.identity import Peppers, parse_token, verify
from chalicelib.domain.trail import plan_put
from chalicelib.pipeline.sweep import sweep
from chalicelib.ports import Keys
from infra.hand import by_hand
from infra.key import DEFAULT_PLAN, make_key
from infra.local.faults import CannotRun
from infra.local.workspace import Workspace, write_private

COMMAND: Final = "make run"
END_OF_TIME: Final = 2**40  # no process of an earlier run is left, so no lease of one is still in use
OWNER: Final = {"TENANT": "local", "USER": "local", "PLAN": DEFAULT_PLAN}
# Far above what one person reaches, and yet limits: replies say what is left of them.
PLANS: Final = (
    Plan(
        DEFAULT_PLAN,
        limits=(
            Limit("user", "minute", requests=60_000, tokens=60_000_000),
            Limit("tenant", "day", tokens=10_000_000_000),
        ),
    ),
)


def seed(environment: Mapping[str, str], workspace: Workspace) -> None:
    """Store missing plans, make each key unless its file has one that works, and end what a kill cut short."""
    read = _read_settings(environment)
    try:
        database = bootstrap.open_database(read)
        keys, peppers = bootstrap.open_keys(database), bootstrap.peppers(read)
        sweep(bootstrap.open_turns(database), before=END_OF_TIME)
        known = keys.plans()
        for plan in PLANS:
            if plan.name not in known:
                keys.put_plan(plan, plan_put(by_hand(COMMAND), None, plan))
        for file, scopes in ((workspace.api_key, "chat"), (workspace.admin_key, "chat,admin")):
            if not _works(file, keys, peppers):
                write_private(file, make_key({**OWNER, "SCOPES": scopes}, keys, peppers, live=False, command=COMMAND))
    except (TidegateError, BotoCoreError, ClientError) as fault:
        raise CannotRun(f"the first keys could not be made: {fault}") from fault


def _read_settings(environment: Mapping[str, str]) -> settings.Settings:
    """Return settings with which every model can be opened; none is called."""
    try:
        read = settings.read(environment)
    except settings.SettingsError as fault:
        raise CannotRun(f"the settings are wrong: {'; '.join(str(fault).splitlines())}") from fault
    try:
        bootstrap.check(read)
    except (TidegateError, BotoCoreError) as fault:
        blamed = "CATALOGUE" if read.catalogue and not read.upstream else "UPSTREAM"
        raise CannotRun(f"{blamed} cannot be used: {fault}") from fault
    return read


def _works(file: Path, keys: Keys, peppers: Peppers) -> bool:
    if not file.exists():
        return False
    try:
        credential = parse_token(file.read_text().strip())
        verify(credential, keys.get(credential.key_id), peppers, time.time())
    except TidegateError:
        return False
    return True
