"""What each tenant's answers of each model take, as this process saw it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from chalicelib.domain.catalogue import Model
from chalicelib.domain.chat import Completion
from chalicelib.domain.sizing import Outputs

MOST: Final = 1_000  # pairs of tenant and model; who was not here for longest is forgotten
NOTHING: Final = Outputs()


@dataclass(frozen=True, slots=True)
class Sizes:
    """Right-sizes the cap of requests that name none; a caller's own cap is never touched."""

    _known: OrderedDict[tuple[str, str], Outputs] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def cap(self, tenant_tag: str, model: Model) -> int:
        """The cap of a request that names none."""
        default = min(model.default_output_tokens, model.max_output_tokens)
        return self._known.get((tenant_tag, model.id), NOTHING).cap(default) if model.right_size else default

    def learn(self, tenant_tag: str, model: Model, completion: Completion) -> None:
        """Remember how long an answer was."""
        key = tenant_tag, model.id
        cut = completion.finish_reason == "length"
        with self._lock:
            self._known[key] = self._known.get(key, NOTHING).learned(completion.usage.output_tokens, cut=cut)
            self._known.move_to_end(key)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
