"""Botocore's own model of Bedrock's runtime; values are checked against all of it, as botocore checks only types."""

import re

import botocore.session
from botocore.validate import validate_parameters

SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
CONVERSE = SERVICE.operation_model("Converse")
CONVERSE_STREAM = SERVICE.operation_model("ConverseStream")
EVENTS = SERVICE.shape_for("ConverseStreamOutput")


def check(value, shape):
    """Raise where `value` does not fit `shape`, its patterns, enumerations and bounds included."""
    validate_parameters(value, shape)
    for path, fault in _faults(value, shape, shape.name):
        raise AssertionError(f"{path}: {fault}")


def _faults(value, shape, path):
    for name, member, inner in _members(value, shape):
        yield from _faults(member, inner, f"{path}.{name}")
    size = (
        value if shape.type_name in {"integer", "float"} else len(value) if isinstance(value, (str, bytes, list)) else 0
    )
    if not shape.metadata.get("min", size) <= size <= shape.metadata.get("max", size):
        yield path, f"{size} is out of bounds"
    if shape.type_name == "string":
        yield from _words(value, shape, path)


def _members(value, shape):
    if shape.type_name == "structure" and not shape.is_document_type:
        return [(name, member, shape.members[name]) for name, member in value.items()]
    return [(place, member, shape.member) for place, member in enumerate(value)] if shape.type_name == "list" else []


def _words(value, shape, path):
    if shape.enum and value not in shape.enum:
        yield path, f"{value!r} is none of {shape.enum}"
    if (pattern := shape.metadata.get("pattern")) and not re.fullmatch(pattern, value):
        yield path, f"{value!r} is not {pattern}"
