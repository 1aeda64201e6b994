"""Writes `.chalice`, configuration and policies: run `python -m infra.project` after `stages` or `grants` changed.

What an operator wrote there stays: environment variables above all, which win over those from here.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.grants import policy
from infra.stages import API, APP, STAGES, Size, Stage

ROOT: Final = Path(__file__).parents[1]
CHALICE: Final = ".chalice"
GATEWAY_SECONDS: Final = 25  # API Gateway hangs up after 29 on what is not streamed
_VARIABLES: Final = "environment_variables"
_OWN_VARIABLES: Final = {
    API: {"TIDEGATE_DEADLINE_SECONDS": str(GATEWAY_SECONDS)},
    "stream": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/chalicelib/runtime/start"},
}


def files(root: Path = ROOT) -> dict[Path, str]:
    """Every file as it should be, over the configuration that is there."""
    config = root / CHALICE / "config.json"
    there = json.loads(config.read_text()) if config.exists() else {}
    return {
        config: _text(merged(there, configuration())),
        **{
            root / CHALICE / policy_file(stage.name, function): _text(policy(stage, function))
            for stage in STAGES.values()
            for function in stage.functions
        },
    }


def configuration() -> dict[str, Any]:
    """What of `config.json` is ours."""
    return {
        "version": "2.0",
        "app_name": APP,
        "autogen_policy": False,
        "api_gateway_endpoint_type": "REGIONAL",
        "minimum_compression_size": 1024,
        "stages": {stage.name: _stage(stage) for stage in STAGES.values()},
    }


def policy_file(stage: str, function: str) -> str:
    return f"policy-{stage}-{function}.json"


def merged(there: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """`there` with `ours` in it, as deep as both are mappings; environment variables the other way round."""
    both = {
        name: merged(there[name], each) if isinstance(each, dict) and isinstance(there.get(name), dict) else each
        for name, each in ours.items()
    }
    variables = {name: {**each, **there.get(name, {})} for name, each in ours.items() if name == _VARIABLES}
    return {**there, **both, **variables}


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "xray": stage.tracing,
        _VARIABLES: _variables(stage),
        "tags": {f"{APP}:stage": stage.name},
        "lambda_functions": {name: _function(stage, name, size) for name, size in stage.functions.items()},
    }


def _variables(stage: Stage) -> dict[str, str]:
    searches = {
        "TIDEGATE_OPENSEARCH": f"ssm:/{APP}/{stage.name}/opensearch",
        "TIDEGATE_SEMANTIC": "shadow",  # it looks and learns; whether it serves is the operator's to say
    }
    return {
        "OPENBLAS_NUM_THREADS": "1",
        "TIDEGATE_STAGE": stage.name,
        "TIDEGATE_PEPPERS_SECRET": f"{APP}/{stage.name}/peppers",
        **(searches if stage.search.kind != "none" else {}),
    }


def _function(stage: Stage, name: str, size: Size) -> dict[str, Any]:
    return {
        "iam_policy_file": policy_file(stage.name, name),
        "lambda_memory_size": size.memory_mb,
        "lambda_timeout": size.timeout_s,
        **({"reserved_concurrency": size.reserved} if size.reserved is not None else {}),
        **({_VARIABLES: _OWN_VARIABLES[name]} if name in _OWN_VARIABLES else {}),
    }


def _text(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def main() -> None:
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
