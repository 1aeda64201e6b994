"""botocore's session with a quicker way to the files that describe a service: they are most of what a client takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import botocore.session
import msgspec
from botocore.loaders import JSONFileLoader, Loader


class _Files(JSONFileLoader):
    """Decodes by msgspec, and into plain dicts."""

    def _load_file(self, full_path: str, open_method: Callable[[str, str], IO[bytes]]) -> Any:
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            return msgspec.json.decode(file.read())


class _Descriptions(Loader):
    """Takes every folder for a service; botocore looks into each of its 400, once for each kind of file."""

    def list_available_services(self, type_name: str) -> list[str]:
        del type_name
        return sorted({each.name for path in map(Path, self.search_paths) if path.is_dir() for each in path.iterdir()})


def open_session() -> botocore.session.Session:
    """A session for clients of services that exist."""
    session = botocore.session.Session()
    paths = session.get_component("data_loader").search_paths
    session.register_component(
        "data_loader", _Descriptions(paths, file_loader=_Files(), include_default_search_paths=False)
    )
    return session
