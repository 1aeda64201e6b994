"""Settings of functions, and that what calls them does: the queue's mapping, and schedules."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from infra.deploy.account import Account, found
from infra.deploy.inventory import Inventory
from infra.deploy.settings import Setting
from infra.extras import EventSource, Extras, Provisioned
from infra.stages import function_name

_OF_A_VERSION: Final = ("CodeSha256", "MemorySize", "Timeout", "Handler", "Runtime", "Role")
_SETTLED: Final = frozenset({"Enabled", "Disabled"})
_STOPPED: Final = frozenset({"Disabled", "Disabling"})


def of_functions(account: Account, wanted: Extras, inventory: Inventory) -> Iterator[Setting]:
    """The queue's mapping, the schedules, and the instances that are kept warm."""
    for source in wanted.event_sources:
        yield event_source(account, source, inventory.event_sources.get(source.function, ""))
    for function in wanted.schedules:
        yield schedule(account, function, inventory.rules.get(function, ""))
    for each in wanted.provisioned:
        yield from provisioned(account, each, function_name(wanted.stage, each.function))


def told(account: Account, name: str, wanted: Mapping[str, str]) -> Setting:
    """Variables of a function beyond those that Chalice gives it, and with each deployment takes away."""
    client = account.client("lambda")

    def variables() -> Mapping[str, str] | None:
        seen = found(lambda: client.get_function_configuration(FunctionName=name))
        return None if seen is None else seen.get("Environment", {}).get("Variables", {})

    def write() -> None:
        account.until(lambda: _is_updated(client, name), f"the function {name}")
        client.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**(variables() or {}), **wanted}}
        )

    def read() -> Mapping[str, Any]:
        given = variables()
        return {} if given is None else {each: given.get(each) for each in wanted}

    return Setting(what=f"what {name} is told", wanted=wanted, read=read, write=write)


def event_source(account: Account, wanted: EventSource, uuid: str) -> Setting:
    """How a queue brings its messages; how many at once is set where nobody set it, and is the sweep's afterwards."""
    client = account.client("lambda")

    def read() -> Mapping[str, Any]:
        seen = found(lambda: client.get_event_source_mapping(UUID=uuid)) if uuid else None
        if seen is None:
            return {}
        bound = seen.get("ScalingConfig", {}).get("MaximumConcurrency")
        answers = tuple(seen.get("FunctionResponseTypes", ()))
        return {"answers": answers, "bounded": bound is not None, "runs": seen.get("State") not in _STOPPED}

    def write() -> None:
        bounded = read()["bounded"]
        account.until(lambda: _state(client, uuid) in _SETTLED, "the queue's mapping")
        client.update_event_source_mapping(
            UUID=uuid,
            Enabled=True,
            FunctionResponseTypes=list(wanted.responses),
            **({} if bounded else {"ScalingConfig": {"MaximumConcurrency": wanted.workers}}),
        )

    return Setting(
        what=f"mapping of {wanted.queue}",
        wanted={"answers": wanted.responses, "bounded": True, "runs": True},
        read=read,
        write=write,
    )


def schedule(account: Account, function: str, rule: str) -> Setting:
    """That the rule of a schedule is not stopped."""
    client = account.client("events")

    def read() -> Mapping[str, Any]:
        seen = found(lambda: client.describe_rule(Name=rule)) if rule else None
        return {"state": seen.get("State")} if seen else {}

    return Setting(
        what=f"schedule of {function}",
        wanted={"state": "ENABLED"},
        read=read,
        write=lambda: client.enable_rule(Name=rule),
    )


def _state(client: Any, uuid: str) -> str:
    return str(client.get_event_source_mapping(UUID=uuid)["State"])


def provisioned(account: Account, wanted: Provisioned, name: str) -> Iterator[Setting]:
    """An alias of what was deployed last, and instances behind it."""
    client = account.client("lambda")
    at = {"FunctionName": name, "Qualifier": wanted.alias}
    yield Setting(
        what=f"alias {name}:{wanted.alias}",
        wanted={"of": "what is deployed"},
        read=partial(_aliased, client, name, wanted.alias),
        write=partial(_alias, account, name, wanted.alias),
    )

    def read() -> Mapping[str, Any]:
        seen = found(lambda: client.get_provisioned_concurrency_config(**at))
        return {"instances": seen["RequestedProvisionedConcurrentExecutions"]} if seen else {}

    yield Setting(
        what=f"kept warm of {name}:{wanted.alias}",
        wanted={"instances": wanted.instances},
        read=read,
        write=lambda: client.put_provisioned_concurrency_config(**at, ProvisionedConcurrentExecutions=wanted.instances),
    )


def _aliased(client: Any, name: str, alias: str) -> Mapping[str, Any]:
    """Whether the alias has the same code and configuration as the function."""
    behind = found(lambda: client.get_function_configuration(FunctionName=name, Qualifier=alias))
    newest = found(lambda: client.get_function_configuration(FunctionName=name))
    if behind is None or newest is None:
        return {}
    same = _version(behind) == _version(newest)
    return {"of": "what is deployed" if same else f"version {behind['Version']}, of before"}


def _version(configuration: Mapping[str, Any]) -> list[Any]:
    variables = configuration.get("Environment", {}).get("Variables", {})
    return [variables, *(configuration.get(name) for name in _OF_A_VERSION)]


def _alias(account: Account, name: str, alias: str) -> None:
    client = account.client("lambda")
    account.until(lambda: _is_updated(client, name), f"the function {name}")
    version = client.publish_version(FunctionName=name)["Version"]  # the same one again where nothing changed
    at = {"FunctionName": name, "Name": alias, "FunctionVersion": version}
    if found(lambda: client.get_alias(FunctionName=name, Name=alias)) is None:
        client.create_alias(**at)
    else:
        client.update_alias(**at)


def _is_updated(client: Any, name: str) -> bool:
    seen = client.get_function_configuration(FunctionName=name)
    return (seen.get("State", "Active"), seen.get("LastUpdateStatus", "Successful")) == ("Active", "Successful")
