"""What Chalice made for a stage, found in the account by its names, and written down as Chalice would have done.

Chalice writes `.chalice/deployed/<stage>.json` at the end of a deployment alone, on one machine. Without it the next
deployment makes both APIs a second time, and fails at the queue's mapping.
"""

import json
import re
from collections.abc import Container, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from infra.deploy.account import Account
from infra.deploy.faults import CannotDeploy
from infra.deploy.project import Project
from infra.extras import GATEWAY_STAGE
from infra.stages import API, APP, STAGES, function_name

_SOUGHT: Final = frozenset(
    {"iam_role", "lambda_function", "sqs_event", "cloudwatch_event", "rest_api", "websocket_api"}
)
CHALICES: Final = "aws-chalice"  # a tag of all that Chalice makes
_FUNCTION: Final = re.compile(r":function:([^/:]+)")

Resource = Mapping[str, str]


class Inventory(Struct, frozen=True):
    """What there is of one stage, in Chalice's words."""

    resources: tuple[Resource, ...]

    @property
    def functions(self) -> dict[str, str]:
        """The ARN of every function, by its name in the configuration."""
        return {each["name"]: each["lambda_arn"] for each in self._of("lambda_function")}

    @property
    def roles(self) -> dict[str, str]:
        """The role of every function, by the function's name in the configuration."""
        return {each["name"].removesuffix("_role"): each["role_arn"] for each in self._of("iam_role")}

    @property
    def event_sources(self) -> dict[str, str]:
        """The id of a queue's mapping, by its function."""
        return {each["name"].removesuffix("-sqs-event-source"): each["event_uuid"] for each in self._of("sqs_event")}

    @property
    def rules(self) -> dict[str, str]:
        """The rule of EventBridge that calls a function, by the function."""
        return {each["name"].removesuffix("-event"): each["rule_name"] for each in self._of("cloudwatch_event")}

    def without_roles(self, names: Container[str]) -> "Inventory":
        """All but the roles that IAM knows by these names."""
        return Inventory(tuple(each for each in self.resources if each.get("role_name") not in names))

    def value(self, kind: str, name: str) -> str:
        """What is said of the one resource of a kind; nothing where there is none."""
        return next((each[name] for each in self._of(kind)), "")

    @property
    def rest_api(self) -> str:
        return self.value("rest_api", "rest_api_id")

    @property
    def websocket_api(self) -> str:
        return self.value("websocket_api", "websocket_api_id")

    @property
    def rest_host(self) -> str:
        return urlsplit(self.value("rest_api", "rest_api_url")).netloc

    @property
    def websocket_host(self) -> str:
        return urlsplit(self.value("websocket_api", "websocket_api_url")).netloc

    def _of(self, kind: str) -> list[Resource]:
        return [each for each in self.resources if each["resource_type"] == kind]


class Finder:
    """Looks up what Chalice made; nothing is changed in the account."""

    def __init__(self, account: Account, project: Project) -> None:
        self._account = account
        self._project = project
        self._name = function_name(project.stage, API)

    def find(self) -> Inventory:
        functions = list(self._functions())
        names = {each["name"] for each in functions} | STAGES[self._project.stage].functions.keys()
        named = [*self._roles(names), *functions, *self._sources(), *self._schedules(names)]
        return Inventory((*named, *self._rest(), *self._sockets()))

    def write(self, inventory: Inventory) -> None:
        """Make Chalice's own record what was found; what is not looked for, such as domain names, stays in it."""
        kept = [each for each in self._written() if each["resource_type"] not in _SOUGHT]
        if not inventory.resources and not kept:
            self._project.deployed_file.unlink(missing_ok=True)
            return
        said = {"resources": [*inventory.resources, *kept], "schema_version": "2.0", "backend": "api"}
        self._project.deployed_file.parent.mkdir(parents=True, exist_ok=True)
        self._project.deployed_file.write_text(json.dumps(said, indent=2))

    def outdated(self, inventory: Inventory) -> bool:
        """Whether Chalice's own record names what was looked for and is not there."""
        return any(each["resource_type"] in _SOUGHT and each not in inventory.resources for each in self._written())

    def _written(self) -> list[Resource]:
        try:
            found: list[Resource] = json.loads(self._project.deployed_file.read_text())["resources"]
        except (OSError, ValueError, KeyError):
            return []
        return found

    def _roles(self, functions: AbstractSet[str]) -> Iterator[Resource]:
        for role in self._each("iam", "list_roles", "Roles"):
            short = role["RoleName"].removeprefix(f"{self._name}-")
            if role["RoleName"] == f"{self._name}-{short}" and short in functions:
                yield _resource(f"{short}_role", "iam_role", role_arn=role["Arn"], role_name=role["RoleName"])

    def _functions(self) -> Iterator[Resource]:
        """Those of the stage, and those of before that Chalice made: what else is called alike stays unseen."""
        for each in self._each("lambda", "list_functions", "Functions"):
            short, arn = self._short(each["FunctionName"]), each["FunctionArn"]
            if short and (short in STAGES[self._project.stage].functions or self._is_chalices(arn)):
                yield _resource(short, "lambda_function", lambda_arn=arn)

    def _is_chalices(self, arn: str) -> bool:
        return CHALICES in self._account.client("lambda").list_tags(Resource=arn)["Tags"]

    def _sources(self) -> Iterator[Resource]:
        for each in self._each("lambda", "list_event_source_mappings", "EventSourceMappings"):
            if (short := self._short(_called(each["FunctionArn"]))) and each.get("State") != "Deleting":
                yield _resource(
                    f"{short}-sqs-event-source",
                    "sqs_event",
                    queue_arn=each["EventSourceArn"],
                    event_uuid=each["UUID"],
                    queue=each["EventSourceArn"].rpartition(":")[2],
                    lambda_arn=each["FunctionArn"],
                )

    def _schedules(self, functions: AbstractSet[str]) -> Iterator[Resource]:
        for rule in self._each("events", "list_rules", "Rules", NamePrefix=f"{self._name}-"):
            short = self._short(rule["Name"])
            if short.removesuffix("-event") in functions:
                yield _resource(short, "cloudwatch_event", rule_name=rule["Name"])

    def _rest(self) -> Iterator[Resource]:
        """Chalice calls the REST API of every stage the same: what it calls tells whose it is."""
        named = [each["id"] for each in self._each("apigateway", "get_rest_apis", "items") if each["name"] == APP]
        ours = [each for each in named if self._short(self._called_by(each))]
        for found in self._only(ours, "REST APIs", "apigateway delete-rest-api --rest-api-id"):
            yield _resource("rest_api", "rest_api", rest_api_id=found, rest_api_url=f"https://{self._host(found)}")

    def _called_by(self, rest_api: str) -> str:
        """The first function that a REST API calls."""
        resources = self._each("apigateway", "get_resources", "items", restApiId=rest_api, embed=["methods"])
        methods = [each for resource in resources for each in resource.get("resourceMethods", {}).values()]
        return next(filter(None, (_called(each.get("methodIntegration", {}).get("uri", "")) for each in methods)), "")

    def _sockets(self) -> Iterator[Resource]:
        name = f"{self._name}-websocket-api"
        ours = [each["ApiId"] for each in self._each("apigatewayv2", "get_apis", "Items") if each["Name"] == name]
        for found in self._only(ours, "WebSocket APIs", "apigatewayv2 delete-api --api-id"):
            url = f"wss://{self._host(found)}"
            yield _resource("websocket_api", "websocket_api", websocket_api_id=found, websocket_api_url=url)

    def _only(self, ids: list[str], kind: str, remedy: str) -> list[str]:
        if len(ids) > 1:
            raise CannotDeploy(
                f"there are {len(ids)} {kind} of the stage {self._project.stage} ({', '.join(sorted(ids))}): "
                f"remove those that nobody calls with {self._account.command(f'{remedy} ID')}, then run this again"
            )
        return ids

    def _host(self, api: str) -> str:
        return f"{api}.execute-api.{self._account.region}.{self._account.domain}/{GATEWAY_STAGE}/"

    def _short(self, name: str) -> str:
        """The name in the configuration of what is called `name` in AWS; nothing where it is of no concern here."""
        if name == self._name:
            return API
        return name.removeprefix(f"{self._name}-") if name.startswith(f"{self._name}-") else ""

    def _each(self, service: str, operation: str, key: str, **asked: Any) -> Iterator[dict[str, Any]]:
        for page in self._account.client(service).get_paginator(operation).paginate(**asked):
            yield from page.get(key, [])


def _resource(name: str, kind: str, **said: str) -> Resource:
    return {"name": name, "resource_type": kind, **said}


def _called(arn: str) -> str:
    """The function in an ARN, or in the URI of an integration."""
    found = _FUNCTION.search(arn)
    return found[1] if found else ""
