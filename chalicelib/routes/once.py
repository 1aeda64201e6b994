"""What stands under `@answered` on every POST: an `Idempotency-Key` is answered once."""

from chalicelib.bootstrap import services
from chalicelib.edge.once import answering_once

once = answering_once(lambda: services().once)
