"""The steps of one stage, in their order."""

from collections.abc import Callable, Sequence
from typing import Final

from chalicelib import bootstrap, settings
from chalicelib.domain.identity import Peppers
from chalicelib.ports import Keys
from infra.deploy import doors, lambdas
from infra.deploy.account import Account
from infra.deploy.chalice import Chalice, Functions
from infra.deploy.cloudformation import described
from infra.deploy.inventory import Finder, Inventory
from infra.deploy.naming import named_in_full
from infra.deploy.project import Project
from infra.deploy.secrets import FirstKey, Pepper
from infra.deploy.settings import Setting, Settings
from infra.deploy.stacks import Stack, Wanted
from infra.deploy.steps import Step
from infra.extras import extras
from infra.stages import APP, STAGES, Stage
from infra.templates import DATA, read

_PEPPER_SETTINGS: Final = ("TIDEGATE_PEPPER", "TIDEGATE_PEPPERS_SECRET")


class Blueprint:
    """What one stage is made of; `show` is told a first key, if one is to be made."""

    def __init__(
        self, account: Account, project: Project, chalice: Chalice, show: Callable[[str], None] | None
    ) -> None:
        self.stage: Stage = STAGES[project.stage]
        self.account = account
        self.project = project
        self.chalice = chalice
        self.finder = Finder(account, project)
        self.functions = Functions(account, project, chalice)
        self.pepper = Pepper(account, project)
        self._first_key = FirstKey(self.opened, show)

    def steps(self, *, replace: bool) -> Sequence[Step]:
        lasting, *watching = (Stack(self.account, each, replace=replace) for each in self.stacks())
        own = Settings(self.finder, self._settings, self.functions.is_current)
        return [lasting, self.pepper, self._first_key, self.functions, own, *watching]

    def stacks(self) -> list[Wanted]:
        """What lasts."""
        name = f"{APP}-{self.stage.name}-data"
        parameters = self._data_parameters(name)
        return [
            Wanted(
                name=name,
                what="tables, queues and logs",
                stage=self.stage.name,
                template=named_in_full(read(DATA), {**parameters, "AWS::Region": self.account.region}),
                parameters=parameters,
            )
        ]

    def _data_parameters(self, stack: str) -> dict[str, str]:
        return {
            "Stage": self.stage.name,
            "PointInTimeRecovery": str(self.stage.history).lower(),
            "LogDays": str(self.stage.log_days),
            "GatewayLogs": str(self._logs_gateway(stack)).lower(),
        }

    def _logs_gateway(self, stack: str) -> bool:
        """Whether this stage is the one of the account that lets API Gateway write logs."""
        given = (described(self.account, stack) or {}).get("Parameters", [])
        ours = any((each["ParameterKey"], each["ParameterValue"]) == ("GatewayLogs", "true") for each in given)
        return ours or not self.account.client("apigateway").get_account().get("cloudwatchRoleArn")

    def _settings(self, inventory: Inventory) -> Sequence[Setting]:
        wanted = extras(self.stage)
        rest = [doors.refusal(self.account, inventory.rest_api, each) for each in wanted.refusals]
        mark = doors.mark_of(rest, self.project.mark())
        return [
            *lambdas.of_functions(self.account, wanted, inventory),
            *rest,
            doors.served(self.account, inventory.rest_api, wanted.rest, mark),
            doors.rest_door(self.account, inventory.rest_api, wanted.rest),
            doors.sockets_door(self.account, inventory.websocket_api, wanted.sockets),
        ]

    def opened(self) -> tuple[Keys, Peppers]:
        """Keys and peppers as the functions of the stage have them."""
        told = {name: value for name, value in self.project.environment.items() if name in _PEPPER_SETTINGS}
        ours = settings.read({"TIDEGATE_STAGE": self.stage.name, **told})
        return bootstrap.open_keys(bootstrap.open_database(ours)), bootstrap.peppers(ours)
