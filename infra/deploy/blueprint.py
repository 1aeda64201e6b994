"""The steps of one stage, in their order."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from chalicelib import bootstrap, settings
from chalicelib.domain.identity import Peppers
from chalicelib.ports import Keys
from infra import addresses, streaming
from infra.deploy import doors, lambdas
from infra.deploy.account import Account
from infra.deploy.chalice import Chalice, Functions
from infra.deploy.inventory import Finder, Inventory
from infra.deploy.project import Project
from infra.deploy.roles import of_roles
from infra.deploy.secrets import FirstKey, Pepper
from infra.deploy.settings import Setting, Settings
from infra.deploy.stacks import Stack, Wanted
from infra.deploy.steps import Step
from infra.deploy.streams import of_streams
from infra.deploy.wanted import data_name, data_stack, watch_name, watch_stack
from infra.deploy.wish import Wish
from infra.extras import extras, qualifier
from infra.stages import STAGES, Stage, function_name

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
        self.first_key = FirstKey(self.opened, show)

    def steps(self, wish: Wish) -> Sequence[Step]:
        lasting = partial(data_stack, self.account, self.stage, wish)
        watching = partial(self._watching, wish)
        return [
            Stack(self.account, data_name(self.stage), "what lasts", lasting, replace=wish.replace),
            *self.secrets(),
            self.functions,
            Settings(self.finder, self.settings, self.functions.is_current),
            Stack(self.account, watch_name(self.stage), "what watches", watching, replace=True),  # nothing is in it
        ]

    def secrets(self) -> Sequence[Step]:
        """What CloudFormation cannot make: it must be made once, at random, and told to one person."""
        return [self.pepper, self.first_key]

    def _watching(self, wish: Wish) -> Wanted | None:
        return watch_stack(self.account, self.stage, wish, self.finder.find())

    def settings(self, inventory: Inventory) -> Sequence[Setting]:
        """What Chalice cannot set, in the order in which it is set."""
        wanted = extras(self.stage)
        stream = self.account.function_arn(function_name(self.stage.name, streaming.FUNCTION))
        rest = [
            *(doors.refusal(self.account, inventory.rest_api, each) for each in wanted.refusals),
            *of_streams(self.account, inventory.rest_api, stream + qualifier(self.stage, streaming.FUNCTION)),
        ]
        mark = doors.mark_of(rest, self.project.mark())
        return [
            *of_roles(self.account, inventory),
            *self._told(inventory),
            *lambdas.of_functions(self.account, wanted, inventory),
            *rest,
            doors.served(self.account, inventory.rest_api, wanted.rest, mark),
            doors.rest_door(self.account, inventory.rest_api, wanted.rest),
            doors.sockets_door(self.account, inventory.websocket_api, wanted.sockets),
        ]

    def _told(self, inventory: Inventory) -> Iterator[Setting]:
        """Of both APIs; a plan that makes them cannot know their addresses."""
        hosts = {"rest": inventory.rest_host or "…", "sockets": inventory.websocket_host or "…"}
        for function, own in addresses.told(self.project.environments, **hosts).items():
            yield lambdas.told(self.account, function_name(self.stage.name, function), own)

    def opened(self) -> tuple[Keys, Peppers]:
        """Keys and peppers as the functions of the stage have them."""
        told = {name: value for name, value in self.project.environment.items() if name in _PEPPER_SETTINGS}
        ours = settings.read({"TIDEGATE_STAGE": self.stage.name, **told})
        return bootstrap.open_keys(bootstrap.open_database(ours)), bootstrap.peppers(ours)
