"""`python -m infra.local`, which `make run` calls."""

import sys

from infra.local.supervisor import Seed, main


def load_seed() -> Seed:
    """Import the product, and what it is slow to import, while the emulator starts."""
    import boto3  # noqa: F401

    from infra.local.seed import seed

    return seed


sys.exit(main(app="app:app", load_seed=load_seed))
