"""What `.chalice/config.json` tells the functions, read as they will read it: what they would refuse stops here."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from chalicelib import bootstrap, settings
from chalicelib.domain.errors import Misconfigured
from chalicelib.settings import SettingsError
from infra.deploy.project import CONFIG, Project

_STAGE: Final = "TIDEGATE_STAGE"


def settings_faults(project: Project) -> Iterator[str]:
    """A sentence for each fault; where not every function has it, those that do."""
    environments = project.environments
    having: dict[str, list[str]] = {}
    for function, given in environments.items():
        for fault in _faults(given, project.stage):
            having.setdefault(fault, []).append(function)
    for fault, functions in having.items():
        some = "" if len(functions) == len(environments) else f", {' and '.join(functions)}"
        yield f"{CONFIG}, stage {project.stage}{some}: {fault}"


def _faults(given: Mapping[str, Any], stage: str) -> Iterator[str]:
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    for name in given.keys() - texts.keys():
        yield f"{name} is not a text: put it in quotes"
    if given.get(_STAGE) != stage:
        yield f"{_STAGE} is not {stage}, so that the functions would look for other tables: set it"
        texts = {**texts, _STAGE: stage}
    try:
        read = settings.read(texts)
        if read.upstream and not read.catalogue:
            bootstrap.check(read)
    except SettingsError as fault:
        yield from str(fault).splitlines()
    except Misconfigured as fault:
        yield f"TIDEGATE_UPSTREAM cannot be served from: {fault}"
