"""A turn's stages over memory, with models that follow a script."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from threading import Semaphore

import msgspec

from chalicelib.adapters.embedders.wordllama import WordLlamaEmbedder
from chalicelib.adapters.memory.answers import MemoryAnswers
from chalicelib.adapters.memory.connections import MemoryConnections
from chalicelib.adapters.memory.conversations import MemoryConversations
from chalicelib.adapters.memory.decisions import MemoryDecisions, MemoryLessons
from chalicelib.adapters.memory.erasures import MemoryErasures
from chalicelib.adapters.memory.history import MemoryUsageHistory
from chalicelib.adapters.memory.jobs import MemoryJobs
from chalicelib.adapters.memory.keys import MemoryKeys
from chalicelib.adapters.memory.queue import MemoryJobQueue
from chalicelib.adapters.memory.receipts import MemoryReceipts
from chalicelib.adapters.memory.responses import MemoryResponses
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.adapters.memory.trail import MemoryEvents
from chalicelib.adapters.memory.turns import MemoryTurns
from chalicelib.adapters.memory.vectors import MemoryVectors
from chalicelib.adapters.verifier.judge import untaught_fit
from chalicelib.domain.budget import Charge
from chalicelib.domain.chat import Delta, Usage
from chalicelib.domain.destinations import Reach
from chalicelib.domain.ledger import subjects_of
from chalicelib.domain.notices import Posted
from chalicelib.domain.report import Report
from chalicelib.domain.transcript import Transcript
from chalicelib.domain.turn import Caller
from chalicelib.domain.verdicts import Bound, Knobs
from chalicelib.edge.sockets_wire import JsonWire
from chalicelib.pipeline.accounts import Accounts
from chalicelib.pipeline.admission import Admission
from chalicelib.pipeline.archive import Archive
from chalicelib.pipeline.cache import AnswerCache, Meanings, SemanticTier
from chalicelib.pipeline.courier import Courier
from chalicelib.pipeline.fits import Fits
from chalicelib.pipeline.flights import SingleFlight
from chalicelib.pipeline.health import Health
from chalicelib.pipeline.history import History
from chalicelib.pipeline.identify import Gate
from chalicelib.pipeline.keyring import Keyring
from chalicelib.pipeline.lane import Lane
from chalicelib.pipeline.notices import Notices
from chalicelib.pipeline.once import LEASE_MARGIN, Once
from chalicelib.pipeline.plans import Plans
from chalicelib.pipeline.reception import Reception
from chalicelib.pipeline.review import Review
from chalicelib.pipeline.routing.pool import Pool
from chalicelib.pipeline.routing.router import Router
from chalicelib.pipeline.services import Services
from chalicelib.pipeline.sizes import Sizes
from chalicelib.pipeline.strangers import Strangers
from chalicelib.pipeline.tenants import Tenants
from chalicelib.pipeline.threads import Threads
from chalicelib.pipeline.trail import Trail
from chalicelib.ports import Embedded
from tests.builders import NOW, PEPPERS, a_catalogue, a_credential, a_key, a_model, a_plan

LEASE_SECONDS = 900
DEADLINE_SECONDS = 60
FLIGHT_SECONDS = 10
WAIT_SECONDS = 20
ORIGIN = "https://chat.example.com"
HELLO = (Delta(text="Hel"), Delta(text="lo"), Delta(finish_reason="stop", usage=Usage(10, 2)))


class Scripted:
    """Says the pieces in order; a piece that is an error is raised."""

    def __init__(self, *pieces):
        self.pieces = pieces
        self.requests = []
        self.closed = False

    def stream(self, request, patience=None):
        self.requests.append(request)
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        except GeneratorExit:
            self.closed = True
            raise

    def complete(self, request, patience=None):
        transcript = Transcript()
        for delta in self.stream(request, patience):
            transcript.add(delta)
        return transcript.completion()

    def embed(self, texts, dimensions, patience=None):
        self.requests.append((tuple(texts), dimensions))
        (piece,) = self.pieces
        if isinstance(piece, Exception):
            raise piece
        return Embedded((b"\0\0\0\0",) * len(texts), piece)


@dataclass
class Kept:
    """Keeps an answer and its entry in memory."""

    answers: MemoryAnswers
    index: MemoryVectors

    decisions: MemoryDecisions

    def keep(self, key, answer, entry, ruling, now):
        if ruling is not None:
            self.decisions.put(ruling)
        self.index.add([entry], now)
        return self.answers.store(key, answer)


@dataclass
class Meter:
    reports: list[Report] = field(default_factory=list)

    warnings: list[Caller] = field(default_factory=list)

    def record(self, report):
        self.reports.append(report)

    def words(self, said):
        return None

    def unmetered(self, caller):
        self.warnings.append(caller)

    def stale(self, faults):
        raise AssertionError(faults)


@dataclass
class Mail:
    """What was posted to tenants, and how each of them answers: well, when nothing was said."""

    answers: list[Posted] = field(default_factory=list)
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def __call__(self, url, headers, body):
        self.sent.append((url, dict(headers), body))
        return self.answers.pop(0) if self.answers else Posted(200)


class Exchange:
    """The other ends of connections: what each was sent, and how it takes the next frames: well, unless told."""

    def __init__(self):
        self.frames = defaultdict(list)
        self.closed = []
        self.moods = defaultdict(list)
        self.gone = set()

    def send(self, connection_id, frame):
        mood = self.moods[connection_id].pop(0) if self.moods[connection_id] else "sent"
        if connection_id in self.gone or mood == "gone":
            self.gone.add(connection_id)
            return "gone"
        if mood == "sent":
            self.frames[connection_id].append(json.loads(frame))
        return mood

    def close(self, connection_id):
        self.gone.add(connection_id)
        self.closed.append(connection_id)


class Stage:
    """A caller, a plan, models by the names of their targets, and what is left behind."""

    def __init__(self, *limits, models=None, owner=("acme", "ada"), caching=True, mode="off", judge=None, **plan):
        self.shelf = Shelf()
        self.models = models or {"a": Scripted(*HELLO)}
        self.meter = Meter()
        self.now = NOW
        self.meanwhile = lambda: None
        self.keys = MemoryKeys(self.shelf)
        self.credential = a_credential(*owner)
        self.keys.put(a_key(self.credential, *owner))
        self.keys.put_plan(a_plan(*limits, **plan))
        turns, conversations = MemoryTurns(self.shelf), MemoryConversations(self.shelf)
        small = a_model("small", *(f"script://{name}" for name in self.models))
        vector = msgspec.structs.replace(small, id="vector", max_output_tokens=0, dimensions=1)
        sizes, answers = Sizes(), MemoryAnswers(self.shelf)
        self.vectors = MemoryVectors()
        self.decisions, self.lessons = MemoryDecisions(self.shelf), MemoryLessons(self.shelf)
        keeper = Kept(answers, self.vectors, self.decisions)
        self.meanings = Meanings(WordLlamaEmbedder(), self.vectors, judge, keeper, self.decisions)
        self.drawn = 1.0
        fits = Fits("wordllama://", "v1")
        semantic = SemanticTier(
            mode, "wordllama://", Knobs(), 1.0, lambda: self.meanings, fits, draw=lambda: self.drawn
        )
        cache = AnswerCache(answers, 3_600, semantic)
        admission = Admission(turns, conversations, LEASE_SECONDS, clock=lambda: self.now)
        self.targets = MemoryTargets(self.shelf)
        self.pool = Pool(self.targets, lambda: 0.0)
        self.queue, self.jobs = MemoryJobQueue(), MemoryJobs()
        self.mail, self.told = Mail(), []
        self.connections, self.exchange = MemoryConnections(), Exchange()
        self.lane = Lane(self.jobs, self.queue, lambda: self.now, self.rest, 3_600, 90, WAIT_SECONDS, Semaphore(8))
        self.services = Services(
            gate=Gate(
                turns,
                self.keys,
                PEPPERS,
                a_catalogue(small, vector),
                caching=caching,
                watch=self.pool,
                cap=sizes.cap,
                meaning=semantic.scope,
                fits=fits,
            ),
            history=History(conversations),
            cache=cache,
            admission=admission,
            flights=SingleFlight(
                answers, admission, cache, FLIGHT_SECONDS, 2 * FLIGHT_SECONDS, lambda: self.now, self.rest
            ),
            router=Router(self.open, self.open, self.pool, turns, lambda: self.now, DEADLINE_SECONDS),
            lane=self.lane,
            courier=Courier(self.jobs, self.exchange, JsonWire(), self.lane.hold, lambda: self.now, self.rest),
            reception=Reception(
                self.connections, self.exchange, self.jobs, frozenset({ORIGIN}), lambda: self.now, self.rest
            ),
            strangers=Strangers(0, lambda _: None),
            notices=Notices(self.jobs, self.keys, self.queue, self.mail, self.told.append, lambda: self.now),
            sizes=sizes,
            archive=Archive(conversations),
            once=Once(
                MemoryReceipts(),
                turns,
                conversations,
                self.jobs,
                self.keys,
                PEPPERS,
                lambda: self.now,
                self.rest,
                lease_seconds=DEADLINE_SECONDS + LEASE_MARGIN,
                patience_seconds=DEADLINE_SECONDS,
            ),
            threads=Threads(MemoryResponses()),
            accounts=Accounts(self.keys, MemoryUsageHistory(self.shelf), self.jobs),
            plans=Plans(self.keys, a_catalogue(small, vector)),
            tenants=Tenants(self.keys, bytes, Reach()),
            keyring=Keyring(self.keys, MemoryErasures(), PEPPERS, bytes, live=False),
            trail=Trail(MemoryEvents(self.shelf), self.keys, PEPPERS),
            review=Review(
                self.decisions,
                self.lessons,
                lambda: self.vectors,
                PEPPERS,
                mode,
                Bound(),
                fits.namespace,
                untaught_fit,
                a_catalogue(small, vector),
            ),
            eraser=None,
            health=Health({}, a_catalogue(small, vector), self.targets, lambda: self.now),
            meter=self.meter,
            clock=lambda: self.now,
        )

    def rest(self, seconds):
        """What happens while a turn waits for another."""
        self.now += seconds
        self.meanwhile()

    def open(self, uri):
        return self.models[uri.removeprefix("script://")]

    @property
    def model(self):
        return next(iter(self.models.values()))

    def used(self):
        """What the user has used today."""
        return self.shelf.balances(subjects_of(self.credential), NOW).get(("user", "day"), Charge())

    def leases(self):
        return [state for state, _ in self.shelf.leases.values()]

    def turns(self, conversation="conv_1"):
        return list(self.shelf.turns.get(conversation, {}).values())
