"""What a new installation begins with."""

from collections.abc import Mapping

from infra.local.workspace import Workspace


def seed(environment: Mapping[str, str], workspace: Workspace) -> None:
    """Write the plans, and make the two keys unless they are there and still work."""
