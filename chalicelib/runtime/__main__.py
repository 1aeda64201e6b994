"""What `start` runs: find the function, then serve it."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from chalicelib.edge.gateway import Handler
from chalicelib.runtime.answer import Broken
from chalicelib.runtime.api import RuntimeApi
from chalicelib.runtime.loop import serve


def main() -> None:
    """Serve until the Runtime API ends it, or the function cannot be found."""
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = found(os.environ["_HANDLER"])
    except Exception as fault:
        api.fail_to_start(fault)
        raise
    serve(api, handler)


def found(name: str) -> Handler:
    """The function called `module.function`, as Lambda is told of it."""
    module, _, function = name.rpartition(".")
    handler: Handler = getattr(import_module(module), function)
    return handler


if __name__ == "__main__":
    try:
        main()
    except Broken as fault:
        sys.exit(str(fault))
