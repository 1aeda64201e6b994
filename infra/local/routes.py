"""Which resource of the API a path is, as API Gateway decides it: exact segments before `{parameters}`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Resource:
    """One path of the API, with the methods that it answers."""

    template: str
    segments: tuple[str, ...]
    methods: frozenset[str]

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """Return the path's parameters, decoded, or None when it is another resource."""
        parameters = {}
        for wanted, given in zip(self.segments, segments, strict=True):
            if wanted.startswith("{") and given:
                parameters[wanted[1:-1]] = unquote(given)
            elif wanted != given:
                return None
        return parameters


class Routes:
    """The resources of a Chalice app, by path."""

    def __init__(self, routes: Mapping[str, Mapping[str, Any]]) -> None:
        self._exact: dict[str, Resource] = {}
        self._by_length: dict[int, list[Resource]] = {}
        for template, methods in sorted(routes.items(), key=lambda route: _specificity(route[0])):
            self._add(template, methods)

    def _add(self, template: str, methods: Collection[str]) -> None:
        segments = tuple(template.split("/"))
        resource = Resource(template, segments, frozenset(methods))
        if "{" in template:
            self._by_length.setdefault(len(segments), []).append(resource)
        else:
            self._exact[template] = resource

    def find(self, path: str) -> tuple[Resource, dict[str, str]] | None:
        """`path` is as it came over the wire: an encoded slash is part of a parameter."""
        path = path.rstrip("/") or "/"
        if exact := self._exact.get(path):
            return exact, {}
        segments = path.split("/")
        for resource in self._by_length.get(len(segments), ()):
            parameters = resource.match(segments)
            if parameters is not None:
                return resource, parameters
        return None


def _specificity(template: str) -> list[bool]:
    return [segment.startswith("{") for segment in template.split("/")]
