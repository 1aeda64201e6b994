"""Names in full, in place of what computes them.

A change set takes in a table that outlived its stack only if the template says its name as a plain text.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

_NAMES: Final = ("TableName", "QueueName", "LogGroupName", "RoleName")


class Known(Struct, frozen=True):
    """What a name may be computed from: the parameters, AWS's own among them, and the template's conditions."""

    parameters: Mapping[str, str]
    conditions: Mapping[str, Any]

    def value(self, said: Any) -> Any:
        """What `said` comes to; where something else is in it than what is known, it stays as it is."""
        match said:
            case {"Ref": str(name)} if name in self.parameters:
                return self.parameters[name]
            case {"Fn::Sub": str(text)}:
                for name, value in self.parameters.items():
                    text = text.replace(f"${{{name}}}", value)
                return said if "${" in text else text
            case {"Fn::If": [str(name), yes, no]}:
                return self.value(yes if self.holds({"Condition": name}) else no)
        return said

    def holds(self, condition: Any) -> bool:
        """Whether a condition of the template does."""
        match condition:
            case {"Condition": str(name)}:
                return self.holds(self.conditions[name])
            case {"Fn::Equals": [one, other]}:
                return str(self.value(one)) == str(self.value(other))
            case {"Fn::Not": [one]}:
                return not self.holds(one)
            case {"Fn::And": [*all_of]}:
                return all(self.holds(each) for each in all_of)
            case {"Fn::Or": [*any_of]}:
                return any(self.holds(each) for each in any_of)
        raise ValueError(f"no condition: {condition}")


def named_in_full(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """The template with the names of its resources as plain texts; `parameters` over the template's defaults."""
    known = _known(template, parameters)
    return {**template, "Resources": {name: _named(each, known) for name, each in template["Resources"].items()}}


def conditioned(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """The resources that are made: those whose condition holds."""
    known, resources = _known(template, parameters), template["Resources"]
    return {
        name: each
        for name, each in resources.items()
        if "Condition" not in each or known.holds({"Condition": each["Condition"]})
    }


def _known(template: Mapping[str, Any], parameters: Mapping[str, str]) -> Known:
    defaults = {name: str(each.get("Default", "")) for name, each in template["Parameters"].items()}
    return Known({**defaults, **parameters}, template.get("Conditions", {}))


def _named(resource: Mapping[str, Any], known: Known) -> dict[str, Any]:
    properties = resource.get("Properties", {})
    names = {name: known.value(properties[name]) for name in _NAMES if name in properties}
    return {**resource, "Properties": {**properties, **names}} if names else dict(resource)
