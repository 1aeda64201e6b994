"""`sagemaker://`: a container on Amazon SageMaker that speaks Chat Completions, as vLLM, LMI, SGLang and TGI do."""

from __future__ import annotations

import time

from chalicelib.adapters.models.openai import OpenAiModel
from chalicelib.adapters.models.sagemaker_runtime import Parameters, connect
from chalicelib.adapters.models.uri import parameters
from chalicelib.ports import Clock


def open_sagemaker(uri: str, *, clock: Clock = time.time) -> OpenAiModel:
    """The model that `sagemaker://endpoint/component?region=us-west-2` names."""
    asked = parameters(uri, Parameters)
    return OpenAiModel(connect(uri, clock=clock), model=asked.model or None, cap=asked.cap)
