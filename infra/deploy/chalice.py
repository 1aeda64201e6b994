"""`chalice deploy` of a stage, run where it is needed, and completed where it was cut."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from infra.compiled import compile_into
from infra.deploy.account import Account, found
from infra.deploy.endings import run_below
from infra.deploy.faults import CannotDeploy
from infra.deploy.inventory import Finder, Inventory
from infra.deploy.project import Project
from infra.deploy.steps import Change, Say
from infra.extras import GATEWAY_STAGE, extras
from infra.stages import API, STAGES

MARK: Final = "tidegate:mark"  # a tag of the API's function: which code and configuration was deployed to the end
_CHALICE: Final = "from chalice.cli import main; raise SystemExit(main())"
_LAST_WORDS: Final = 12
_UPLOAD_SECONDS: Final = "300"


class Chalice(Protocol):
    """The library's three commands; each raises `CannotDeploy` with its last words when it fails."""

    def package(self) -> Path:
        """The zip that would be deployed."""

    def deploy(self) -> None:
        """Make or change everything that `app.py` and the configuration name."""

    def delete(self) -> None:
        """Remove what is written down in `.chalice/deployed`."""


class ChaliceCommand:
    """The library's own command, in a process of its own; secrets are in its environment alone."""

    def __init__(self, project: Project, region: str) -> None:
        self._project = project
        self._region = region

    def package(self) -> Path:
        folder = self._project.out / "checked"  # beside what `make package` made
        compile_into(self._project.root)
        self._run("package", str(folder))
        return folder / "deployment.zip"

    def deploy(self) -> None:
        compile_into(self._project.root)
        self._run("deploy", "--connection-timeout", _UPLOAD_SECONDS)

    def delete(self) -> None:
        self._run("delete")

    def _run(self, command: str, *arguments: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
        status, said = run_below(
            [sys.executable, "-c", _CHALICE, command, "--stage", self._project.stage, *arguments],
            cwd=str(self._project.root),
            environ={**inherited, "AWS_DEFAULT_REGION": self._region},
        )
        if status:
            words = [line for line in said.splitlines() if line.strip()][-_LAST_WORDS:]
            raise CannotDeploy(
                f"`chalice {command}` failed; its last words:\n" + "\n".join(f"  {each}" for each in words)
            )


class Functions:
    """A step: functions, roles, both APIs, schedules and the queue's mapping, by Chalice."""

    title = "functions and APIs"

    def __init__(self, account: Account, project: Project, chalice: Chalice) -> None:
        self._account = account
        self._project = project
        self._chalice = chalice
        self._finder = Finder(account, project)

    def changes(self) -> Sequence[Change]:
        found = self._finder.find()
        if self.is_current(found):
            return []
        return [
            *(Change(each, "absent", "deployed") for each in _absent(found, self._project.stage)),
            *(Change(f"function {name}", "there", "deployed") for name in sorted(found.functions)),
        ]

    def is_current(self, inventory: Inventory) -> bool:
        """Whether this very code and configuration was deployed to the end, and all of it is still there."""
        return not _absent(inventory, self._project.stage) and self._mark(inventory) == self._project.mark()

    def apply(self, say: Say) -> None:
        before = self._finder.find()
        self._unmark(before)
        self._finder.write(before)
        say("chalice packages and deploys: about a minute")
        self._chalice.deploy()
        after = self._finder.find()
        self._open_sockets(after.websocket_api)
        self._finder.write(after)
        if absent := _absent(after, self._project.stage):
            raise CannotDeploy(f"chalice ended well, and yet there is no {', no '.join(absent)}: run this again")
        self._lambda.tag_resource(Resource=after.functions[API], Tags={MARK: self._project.mark()})

    @property
    def _lambda(self) -> Any:
        return self._account.client("lambda")

    def _mark(self, inventory: Inventory) -> str:
        tags: dict[str, str] = self._lambda.list_tags(Resource=inventory.functions[API])["Tags"]
        return tags.get(MARK, "")

    def _unmark(self, inventory: Inventory) -> None:
        """From here to the end nothing counts as deployed."""
        if API in inventory.functions and self._mark(inventory):
            self._lambda.untag_resource(Resource=inventory.functions[API], TagKeys=[MARK])

    def _open_sockets(self, api: str) -> None:
        """Let the newest routes be called: Chalice does so when it makes the API, and never again."""
        client = self._account.client("apigatewayv2")
        deployment = client.create_deployment(ApiId=api)["DeploymentId"]
        at = {"ApiId": api, "StageName": GATEWAY_STAGE, "DeploymentId": deployment}
        if found(lambda: client.get_stage(ApiId=api, StageName=GATEWAY_STAGE)) is None:
            client.create_stage(**at)
        else:
            client.update_stage(**at)


def _absent(inventory: Inventory, stage: str) -> list[str]:
    """What Chalice makes and is not there: it was not made yet, or removed by hand."""
    wanted = extras(STAGES[stage])
    there = {
        **{f"function {name}": name in inventory.functions for name in STAGES[stage].functions},
        **{f"role of {name}": name in inventory.roles for name in STAGES[stage].functions},
        **{f"mapping of {each.queue}": each.function in inventory.event_sources for each in wanted.event_sources},
        **{f"schedule of {name}": name in inventory.rules for name in wanted.schedules},
        "REST API": bool(inventory.rest_api),
        "WebSocket API": bool(inventory.websocket_api),
    }
    return [name for name, found in there.items() if not found]
