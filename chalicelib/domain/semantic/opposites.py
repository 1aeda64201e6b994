"""Pairs of words that turn a question round when one takes the other's place."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from itertools import product
from typing import Final

from chalicelib.domain.semantic.stems import stem

_PAIRS: Final = """
with without|best worst|better worse|good bad|good evil|great terrible|more less|more fewer|most least|most fewest
before after|earlier later|early late|first last|start stop|start end|start finish|begin end|begin finish
start quit|buy sell|bought sold|buying selling|buyer seller|purchase sell|rent buy|lend borrow|import export
increase decrease|increase reduce|raise lower|raise reduce|gain lose|gain loss|win lose|won lost|winner loser
high low|higher lower|highest lowest|big small|bigger smaller|biggest smallest|large small|larger smaller
largest smallest|long short|longer shorter|longest shortest|tall short|taller shorter|fast slow|faster slower
fastest slowest|quick slow|hot cold|hotter colder|warm cool|warm cold|heavy light|heavier lighter|strong weak
stronger weaker|hard easy|hard soft|harder easier|hardest easiest|difficult easy|difficult simple|rich poor
cheap expensive|cheaper costlier|cheapest costliest|old new|old young|older younger|older newer|oldest youngest
oldest newest|ancient modern|up down|above below|over under|inside outside|in out|on off|open close|opened closed
open shut|lock unlock|enable disable|enabled disabled|activate deactivate|install uninstall|connect disconnect
add remove|add delete|insert remove|create delete|create destroy|build destroy|make break|hide show|hide reveal
love hate|like dislike|like hate|agree disagree|accept reject|accept refuse|accept decline|allow forbid|allow ban
allow prevent|allow block|block unblock|permit prohibit|legal illegal|lawful unlawful|moral immoral|right wrong
right left|true false|correct incorrect|correct wrong|safe dangerous|safe unsafe|healthy unhealthy|healthy sick
possible impossible|probable improbable|likely unlikely|happy sad|happy unhappy|glad sad|pleasant unpleasant
advantage disadvantage|advantages disadvantages|benefit drawback|benefits drawbacks|benefit harm|benefits risks
pros cons|pro con|positive negative|plus minus|profit loss|credit debit|deposit withdraw|deposit withdrawal
send receive|sent received|give take|given taken|give receive|push pull|upload download|login logout|enter exit
enter leave|arrive depart|arrival departure|come go|join leave|follow unfollow|subscribe unsubscribe|attack defend
encrypt decrypt|encode decode|compress decompress|zip unzip|freeze melt|boil freeze|expand contract
expand collapse|inhale exhale|include exclude|inclusive exclusive|internal external|interior exterior
input output|maximum minimum|maximize minimize|maximise minimise|max min|majority minority|major minor
pass fail|success failure|succeed fail|successful unsuccessful|alive dead|live die|life death|birth death
born died|wake sleep|awake asleep|day night|morning evening|morning night|am pm|sunrise sunset|summer winter
north south|east west|northern southern|eastern western|front back|top bottom|ahead behind|forward backward
forwards backwards|near far|nearest farthest|wide narrow|thick thin|thicker thinner|deep shallow|full empty
full partial|wet dry|clean dirty|smooth rough|bright dark|brighter darker|light dark|loud quiet|louder quieter
public private|domestic foreign|local global|national international|urban rural|temporary permanent
male female|man woman|men women|boy girl|boys girls|husband wife|father mother|dad mom|son daughter
brother sister|uncle aunt|king queen|boyfriend girlfriend|he she|him her|his her|himself herself|gay straight
teacher student|employer employee|doctor patient|parent child|parents children|landlord tenant|host guest
friend enemy|hero villain|predator prey|question answer|problem solution|cause effect|causes effects|cause cure
cause prevent|causes cures|demand supply|theory practice|hardware software|solid liquid|liquid gas|acid base
optimist pessimist|optimistic pessimistic|patient impatient|polite rude|kind cruel|kind mean|brave cowardly
honest dishonest|humble arrogant|modest arrogant|selfish selfless|selfish generous|stingy generous|lazy diligent
lazy hardworking|smart stupid|smart dumb|intelligent stupid|clever stupid|wise foolish|calm nervous|calm angry
confident shy|confident insecure|introvert extrovert|introverted extroverted|active passive|active inactive
visible invisible|beautiful ugly|handsome ugly|pretty ugly|attractive unattractive|attractive ugly
interesting boring|exciting boring|famous unknown|common rare|common uncommon|usual unusual|normal abnormal
natural artificial|organic synthetic|raw cooked|fresh stale|fat thin|fat skinny|fatter thinner|sweet sour
sweet bitter|hungry full|single married|divorce marry|dependent independent|dependence independence
conscious unconscious|guilty innocent|voluntary involuntary|formal informal|official unofficial
liberal conservative|democrat republican|capitalism communism|optional mandatory|optional required
always never|often rarely|often seldom|everything nothing|everyone nobody|everybody nobody|all none|every no
ever never|both neither|many few|much little|lots few|only all|hopeful hopeless|useful useless|careful careless
harmless harmful|painful painless|fearful fearless|stay leave|keep discard|keep lose|remember forget|learn forget
save delete|save spend|save waste|earn spend|hire fire|employ dismiss|praise criticize|praise blame
support oppose|encourage discourage|strengthen weaken|improve worsen|shrink grow|rise fall|increase drop
ascending descending|ascend descend|float sink|attach detach|assemble disassemble|tighten loosen|charge discharge
mount unmount|load unload|pack unpack|plug unplug|do undo|dress undress|wrap unwrap|fold unfold|cover uncover
vertical horizontal|clockwise counterclockwise|even odd|absolute relative|analog digital|mortal immortal
presence absence|present absent|entrance exit|arrested released|innocence guilt|peace war|victory defeat
upper lower|visible hidden|sender recipient|sender receiver|payer payee|lender borrower|grant revoke|grant deny
merge split|join split|pause resume|stop resume|approve reject|approve decline|approve deny|accept deny|allow deny
allow refuse|extend shorten|lengthen shorten|append prepend|frontend backend|next previous|next last
following preceding|incoming outgoing|inward outward|ingress egress|asset liability|promote demote|recruit dismiss
rent own|lease own|cheap costly|cheap pricey|bull bear|bullish bearish|offence defence|offense defense
attacker defender|author reader|manual automatic|manually automatically|static dynamic|read write|reader writer
serial parallel|wired wireless|indoor outdoor|indoors outdoors|gross net|retail wholesale|tenant owner|nominal real
symptom cause|symptom treatment|cause treatment|risk benefit|archive restore|backup restore|commit revert
inner outer|evaporate condense|widen narrow|warming cooling|heating cooling|heat cool|ally enemy|friend foe
leader follower|teach learn|lowercase uppercase|sharp blunt|tight loose|genuine fake|real fake|original copy
compulsory optional|obligatory optional|compulsory elective|overt covert|literal figurative|concave convex
latitude longitude|numerator denominator|sine cosine|artery vein|prefix suffix|debtor creditor|hot cool
plaintiff defendant
within after|within before|into out|onto off|prior following|beforehand afterwards|arrive leave|undo redo|first final
virus bacterium|astronomy astrology|predecessor successor|ancestor descendant|inbox outbox
""".replace("\n", "|")


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _PAIRS.strip("|").split("|"):
        one, other = map(stem, pair.split())
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


OPPOSITES: Final = _opposites()
_PREFIXES: Final = ("un", "in", "im", "il", "ir", "dis", "non", "mis", "anti", "de", "a")
_SHORTEST_ROOT: Final = 4
_SHORTER: Final = {"un": 3}
_LONGER: Final = {"a": 6}  # "across" is no opposite of "cross"
_FRONTS: Final = """
up down|in out|in ex|im ex|en dis|over under|pre post|hyper hypo|macro micro|intra inter|intro extro|pro anti|in de
multi single|on off|maxi mini|homo hetero|endo exo|inter intro|mono poly|fore hind|front back
""".replace("\n", "|")
_ENDS: Final = (("ful", "less"), ("proof", "prone"))


def opposed(some: AbstractSet[str], others: AbstractSet[str]) -> bool:
    """Whether a stem in `some` is the opposite of one in `others`, listed or made by a prefix or an ending."""
    if not some or not others:
        return False
    wide, wide_others = _with_bases(some), _with_bases(others)
    if any(not wide_others.isdisjoint(OPPOSITES[word]) for word in wide if word in OPPOSITES):
        return True
    return _prefixed(some, others) or _prefixed(others, some) or any(_crossed(*pair) for pair in _alike(some, others))


def _alike(some: AbstractSet[str], others: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    """The pairs that begin or end alike, which are few."""
    for one, other in product(some, others):
        if one[1 - _SHORTEST_ROOT :] == other[1 - _SHORTEST_ROOT :] or one[:_SHORTEST_ROOT] == other[:_SHORTEST_ROOT]:
            yield one, other


def _with_bases(stems: AbstractSet[str]) -> set[str]:
    """`stems`, and what they compare: "heavi" too for "heaviest"."""
    found = set(stems)
    for word in stems:
        for ending in ("est", "er"):
            base = word.removesuffix(ending)
            if base != word and len(base) >= _SHORTEST_ROOT - 1:
                found.add(base[:-1] if base[-1] == base[-2] else base)
    return found


def _prefixed(some: AbstractSet[str], others: AbstractSet[str]) -> bool:
    return any(
        word.startswith(prefix) and word[len(prefix) :] in others
        for word in some
        if word.startswith(_PREFIXES)
        for prefix in _PREFIXES
        if len(word) - len(prefix) >= _SHORTER.get(prefix, _LONGER.get(prefix, _SHORTEST_ROOT))
    )


def _crossed(one: str, other: str) -> bool:
    """Whether the two differ in a beginning, or an ending, that turns them round: "inbound", "outbound"."""
    common = _shared(one[::-1], other[::-1])
    fronts = (one[: len(one) - common], other[: len(other) - common])
    if common - _CROSSED.get(fronts, common) >= _SHORTEST_ROOT - 1:
        return True
    start = _shared(one, other)
    return start >= _SHORTEST_ROOT and frozenset((one[start:], other[start:])) in _TURNING


def _shared(one: str, other: str) -> int:
    """How many letters the two begin with alike."""
    alike = (place for place, (here, there) in enumerate(zip(one, other, strict=False)) if here != there)
    return next(alike, min(len(one), len(other)))


def _crossing() -> dict[tuple[str, str], int]:
    """What two words begin with before the letters that they end with alike, and how many of those are no root."""
    found = {}
    for pair in _FRONTS.strip("|").split("|"):
        one, other = pair.split()
        common = _shared(one[::-1], other[::-1])
        fronts = (one[: len(one) - common], other[: len(other) - common])
        found[fronts] = found[fronts[::-1]] = common
    return found


_CROSSED: Final = _crossing()
_TURNING: Final = frozenset(map(frozenset, _ENDS))
