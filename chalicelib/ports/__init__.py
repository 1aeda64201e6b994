"""What the pipeline asks of the world. Each adapter passes its port's contract suite in `tests/contract`."""

from chalicelib.ports.clock import Clock
from chalicelib.ports.conversations import Conversations, Page, TurnPage
from chalicelib.ports.jobs import JobQueue, Jobs
from chalicelib.ports.keys import Keys
from chalicelib.ports.lessons import Comparison, Decisions, Known, Lessons
from chalicelib.ports.meter import Meter
from chalicelib.ports.models import ChatModel, Embedded, Embedder, Offer, Targets, Watch
from chalicelib.ports.regions import Fence
from chalicelib.ports.responses import Responses
from chalicelib.ports.turns import Answers, Turns
from chalicelib.ports.vectors import EntryLog, Judge, Keeper, VectorIndex

__all__ = [
    "Answers",
    "ChatModel",
    "Clock",
    "Comparison",
    "Conversations",
    "Decisions",
    "Embedded",
    "Embedder",
    "EntryLog",
    "Fence",
    "JobQueue",
    "Jobs",
    "Judge",
    "Keeper",
    "Keys",
    "Known",
    "Lessons",
    "Meter",
    "Offer",
    "Page",
    "Responses",
    "Targets",
    "TurnPage",
    "Turns",
    "VectorIndex",
    "Watch",
]
