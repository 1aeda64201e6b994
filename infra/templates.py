"""The templates of CloudFormation as values: short tags such as `!Ref name` become `{"Ref": "name"}`."""

from pathlib import Path
from typing import Any, Final

import yaml

DATA: Final = Path(__file__).with_name("data.yaml")
TABLES: Final = {"AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"}
_BARE: Final = {"Ref", "Condition"}
_CREATED: Final = ("TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


def read(path: Path) -> dict[str, Any]:
    """The template in the file."""
    loaded: dict[str, Any] = _Loader(path.read_text()).get_single_data()
    return loaded


def template_tables(stage: str, path: Path = DATA) -> list[dict[str, Any]]:
    """What CreateTable takes for each table of a stage in one Region."""
    resources = read(path)["Resources"].values()
    found = [each["Properties"] for each in resources if each["Type"] in TABLES and each.get("Condition") != "Seated"]
    return [{name: _plain(each[name], stage) for name in _CREATED if name in each} for each in found]


def _plain(value: Any, stage: str) -> Any:
    match value:
        case {"Fn::Sub": text}:
            return text.replace("${Stage}", stage)
        case {"Fn::If": ["Alone", alone, _]}:
            return _plain(alone, stage)
        case dict():
            return {name: _plain(each, stage) for name, each in value.items() if name != "WarmThroughput"}
        case list():
            return [_plain(each, stage) for each in value]
    return value


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in _BARE else f"Fn::{suffix}"
    match node:
        case yaml.ScalarNode():
            found = loader.construct_scalar(node)
            return {name: found.split(".") if suffix == "GetAtt" else found}
        case yaml.SequenceNode():
            return {name: loader.construct_sequence(node, deep=True)}
        case yaml.MappingNode():
            return {name: loader.construct_mapping(node, deep=True)}
        case _:
            raise TypeError(f"no value under !{suffix}")


_Loader.add_multi_constructor("!", _intrinsic)
