"""What a load needs and costs: sums that a reader can do by hand, what must grow with what, and bad input."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan import counts, page, prices, waiting
from infra.plan.__main__ import main
from infra.plan.day import BURSTS, day_of
from infra.plan.hot import hot_items
from infra.plan.load import DAY, BadLoad, Load, checked
from infra.plan.memory import SIZES
from infra.plan.mix import CHAT
from infra.plan.needs import chosen
from infra.plan.plan import planned, waits
from infra.plan.prices import DAYS
from infra.plan.ranges import RANGES
from infra.stages import STAGES
from infra.streaming import ROUTES, Route

COUNTS, PRICES = counts.read(), prices.read()
GOOD = {
    "--users": "1000",
    "--turns-per-day": "10",
    "--peak": "5",
    "--input-tokens": "1500",
    "--output-tokens": "400",
    "--hit-rate": "0.2",
}


def a_load(**changes):
    known = {
        "users": 1_000,
        "turns_per_day": 10,
        "peak": 5,
        "input_tokens": 1_500,
        "output_tokens": 400,
        "hit_rate": 0.2,
    }
    return checked(Load(**known | changes), PRICES)


def a_plan(**changes):
    return planned(a_load(**changes), COUNTS, PRICES)


def asked(**changes):
    options = GOOD | {"--quick": None} | changes
    return main([word for name, value in options.items() for word in (name, value) if word is not None])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"--users": "many"}, "--users must be a whole number from 1 to 10^12, not many"),
        ({"--turns-per-day": "0"}, "--turns-per-day must be a number from 10^-6 to 10^12, not 0"),
        ({"--peak": "0.1"}, "--peak of 0.1 turns/s is below the day's average of 0.1157 turns/s"),
        ({"--hit-rate": "1.2"}, "--hit-rate must be a share from 0 to 1, not 1.2"),
        ({"--semantic-rate": "0.9"}, "--hit-rate and --semantic-rate together are more than all turns"),
        ({"--streamed": "0.6", "--later": "0.6"}, "--streamed and --later together are more than all turns"),
        ({"--model": "gpt"}, "--model gpt is unknown: claude-haiku-4-5, claude-sonnet-4-6, nova-lite"),
        (
            {"--model": "titan-embed-v2"},
            "--model titan-embed-v2 is unknown: claude-haiku-4-5, claude-sonnet-4-6, nova-lite",
        ),
        ({"--region": "mars-1"}, "--region mars-1 is unknown: "),
        ({"--stage": "huge"}, "--stage huge is unknown: auto, solo, team, scale"),
        ({"--replicas": "31"}, "--replicas must be a whole number from 0 to 30, not 31"),
        ({"--tenants": "2000"}, "--tenants must be at most as many as --users, not 2000"),
        ({"--users": None}, "--users: expected one argument"),
        (
            {"--input-tokens": "300000"},
            "--input-tokens and --output-tokens are more than the 200000 that claude-haiku-4-5",
        ),
    ],
)
def test_bad_input_is_one_sentence(capsys, wrong, said):
    status = asked(**wrong)

    told = capsys.readouterr()
    assert (status, told.out) == (2, "")
    assert told.err.startswith(f"not planned: {said}")
    assert told.err.count("\n") == 1


NUMBERS = ["--" + name.replace("_", "-") for name in RANGES]


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e999", "9" * 30, "9" * 5_000, "many", "", "0x10"])
@pytest.mark.parametrize("option", NUMBERS)
def test_a_number_that_cannot_be_is_named_with_what_can(capsys, option, text):
    status = main([f"{name}={value}" for name, value in (GOOD | {option: text}).items()])

    told = capsys.readouterr()
    allowed = r"(a whole number from [01] to \S+|a number from 10\^-6 to 10\^12|a share from 0 to 1)"
    assert (status, told.out) == (2, "")
    assert re.fullmatch(rf"not planned: {option} must be {allowed}, not {text}\n", told.err)


@pytest.mark.parametrize("option", ["--users", "--tenants", "--quota", "--input-tokens", "--peak"])
def test_nothing_is_no_default(capsys, option):
    assert main([f"{name}={value}" for name, value in (GOOD | {option: "0"}).items()]) == 2
    assert f"{option} must be" in capsys.readouterr().err


@pytest.mark.parametrize(
    "ends",
    [
        {"--users": "1", "--turns-per-day": "1e-6", "--peak": "1e-6"},
        {"--users": "1000000000000", "--turns-per-day": "0.08", "--peak": "1000000000000", "--replicas": "30"},
        {"--tenants": "1", "--quota": "1", "--input-tokens": "1", "--output-tokens": "1"},
        {"--tenants": "1000", "--quota": "1000000000000", "--conversations": "0", "--largest": "0"},
    ],
)
def test_what_may_just_be_is_planned(capsys, ends):
    assert asked(**ends) == 0
    assert not re.search(r"\b(nan|inf)\b", capsys.readouterr().out)


def test_an_alias_is_its_model():
    assert a_load(model="auto").model == "claude-haiku-4-5"


@pytest.mark.parametrize(
    ("users", "peak", "semantic", "stage"),
    [
        (1, 1, 0, "solo"),
        (100, 50, 0, "solo"),
        (100, 51, 0, "team"),
        (101, 1, 0, "team"),
        (100, 50, 0.1, "solo"),
        (100_000, 1_000, 0, "team"),
        (100_000, 1_001, 0, "scale"),
        (100_001, 500, 0, "scale"),
    ],
)
def test_the_smallest_stage_that_bears_it_is_chosen(users, peak, semantic, stage):
    assert chosen(a_load(users=users, peak=peak, semantic_rate=semantic))[0] == stage


def test_more_entries_than_a_process_can_search_need_an_index():
    assert chosen(a_load(users=100, turns_per_day=1_000, semantic_rate=0.1))[0] == "team"


def test_a_stage_that_is_asked_for_is_taken():
    assert a_plan(stage="scale").needs.stage == "scale"


def test_only_hits_ask_for_what_a_hit_was_measured_to_ask():
    asked = a_plan(hit_rate=1.0).needs.mix.asked
    hit = COUNTS.kinds["exact_hit"]

    assert asked.write_units == pytest.approx(
        {"ledger": 10.0} | dict.fromkeys(asked.write_units.keys() - {"ledger"}, 0.0)
    )
    assert asked.reads == hit.reads + 1  # the breaker, which a busy process need not read each time
    assert asked.calls["batch_get_item"] == hit.calls["batch_get_item"]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("miss", {"streamed": 0.0, "conversations": 0.0}),
        ("stream", {"streamed": 1.0, "conversations": 0.0}),
        ("conversation", {"streamed": 0.0, "conversations": 1.0}),
        ("job", {"streamed": 0.0, "later": 1.0, "conversations": 0.0}),
    ],
)
def test_turns_of_one_kind_ask_for_what_that_kind_was_measured_to_ask(kind, changes):
    known = COUNTS.kinds[kind]

    asked = a_plan(hit_rate=0.0, input_tokens=1, output_tokens=1, **changes).needs.mix.asked

    assert asked.writes == pytest.approx(known.writes)
    assert asked.reads == pytest.approx(known.reads + 1, abs=0.01)
    assert {name: calls for name, calls in asked.calls.items() if calls} == pytest.approx(known.calls)
    assert asked.sqs_sends == known.sqs_sends


def test_money_is_what_a_reader_gets_by_hand():
    plan = a_plan(users=1_000_000, peak=500, hit_rate=0.25, conversations=0.0, streamed=0.0)

    turns = 10_000_000 * DAYS
    assert plan.bill.parts["API Gateway"] == pytest.approx(turns * 3.5e-6)
    assert plan.bill.model == pytest.approx(turns * 0.75 * (1_500 * 1e-6 + 400 * 5e-6))
    waiting = turns * 0.75 * (0.7 + 400 / 110) * STAGES["scale"].functions[CHAT].memory_mb / 1_024
    assert plan.bill.waiting == pytest.approx(waiting * 0.0000166667)
    assert plan.bill.per_turn == pytest.approx(sum(plan.bill.parts.values()) / turns)


def test_what_is_free_is_taken_off_once():
    parts = a_plan(users=1, turns_per_day=1).bill.parts

    assert parts["Lambda, waiting"] == parts["SQS"] == parts["X-Ray" if "X-Ray" in parts else "schedules"] == 0


def test_another_region_costs_its_factor():
    here, there = (a_plan(region=region).bill for region in ("us-east-1", "sa-east-1"))

    assert there.infrastructure == pytest.approx(1.5 * here.infrastructure)
    assert there.model == here.model


def test_a_copy_of_conversations_is_written_and_kept_once_more():
    alone, copied = (a_plan(users=100_000, peak=50, replicas=number) for number in (0, 2))

    writes = alone.load.turns * DAYS * alone.needs.mix.asked.write_units["conversations"] * 2 * 0.625e-6
    assert alone.bill.parts["DynamoDB, replicas"] == 0
    assert writes < copied.bill.parts["DynamoDB, replicas"] < 2 * writes
    assert copied.bill.parts["DynamoDB, writes"] == alone.bill.parts["DynamoDB, writes"]


def test_who_asks_nobody_pays_for_no_model():
    plan = a_plan(hit_rate=1.0)

    assert (plan.bill.model, plan.bill.share, plan.needs.model_tokens) == (0, 0, 0)


@given(
    st.integers(1, 10**6),
    st.floats(0.1, 100),
    st.floats(1, 50),
    st.floats(0, 0.6),
    st.floats(0, 0.4),
    st.floats(1.01, 10),
)
def test_twice_the_users_never_cost_or_need_less(users, turns, above, hits, meaning, more):
    small = a_load(
        users=users, turns_per_day=turns, peak=users * turns / DAY * above, hit_rate=hits, semantic_rate=meaning
    )
    large = msgspec.structs.replace(small, turns_per_day=turns * more, peak=small.peak * more)
    small, large = (planned(msgspec.structs.replace(each, stage="scale"), COUNTS, PRICES) for each in (small, large))

    assert large.bill.infrastructure >= small.bill.infrastructure * 0.999
    assert large.needs.model_tokens >= small.needs.model_tokens
    assert all(large.needs.concurrency[name] >= most for name, most in small.needs.concurrency.items())
    assert all(large.needs.write_units[name] >= units for name, units in small.needs.write_units.items())


@given(st.integers(1, 10**6), st.floats(0.1, 1_000), st.floats(1, 1_000))
def test_a_day_has_its_turns_and_reaches_its_peak(users, turns, above):
    load = a_load(users=users, turns_per_day=turns, peak=users * turns / DAY * above)

    day = day_of(load)

    bursts = len(BURSTS) * day.burst_seconds
    assert sum(day.hours()) / 24 * (DAY - bursts) + bursts * day.peak == pytest.approx(load.turns, rel=0.01)
    assert max(day.rate(begins) for begins in BURSTS) == pytest.approx(load.peak, rel=0.01)
    assert day.busiest <= load.peak * 1.001


@pytest.mark.parametrize(
    ("peak", "largest", "shards", "fits"),
    [(50, 0.05, 0, True), (2_000, 0.5, 8, True), (10_000, 1.0, 16, False)],
)
def test_a_tenant_gets_as_many_shards_as_it_needs_and_is_divided_where_they_end(peak, largest, shards, fits):
    plan = a_plan(users=1_000_000, peak=peak + 200, largest=largest)

    counter = next(each for each in hot_items(plan.load, plan.needs) if each.item.startswith("counter"))
    assert counter.fits is fits
    assert abs(plan.shards - shards) <= 1
    assert ("divide" in counter.do) is not fits


def test_a_quota_that_breaks_comes_with_the_command_that_raises_it():
    plan = a_plan(users=1_000_000, peak=10_000)

    found = {each.quota.code: each for each in plan.quotas if each.breaks}
    assert found["L-B99A9384"].needed > 25_000
    assert re.search(r"--service-code lambda --quota-code L-B99A9384 --desired-value \d{5} ", found["L-B99A9384"].how)
    assert not [each for each in a_plan(users=10).quotas if each.breaks]


def test_a_stage_that_lets_in_too_few_says_where_that_is_set():
    plan = a_plan(stage="solo", peak=10_000)

    (let_in,) = (each for each in plan.quotas if each.quota.service == "tidegate")
    assert let_in.breaks
    assert let_in.how == "throttle of solo in infra/stages.py: 12,500"
    assert [each for each in a_plan(peak=50_000).quotas if each.breaks and each.quota.service == "tidegate"]


@pytest.mark.parametrize("conversations", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("later", [0.0, 0.5])
def test_nothing_is_asked_for_less_than_never(conversations, later):
    asked = a_plan(semantic_rate=0.1, conversations=conversations, later=later).needs.mix.asked

    assert min(*asked.calls.values(), *asked.read_units.values(), *asked.write_units.values()) >= 0


def test_the_models_quota_breaks_where_the_account_has_less():
    plan = a_plan(quota=10_000)

    (tokens,) = (each for each in plan.quotas if each.breaks)
    assert tokens.quota.default == 10_000
    assert f"ask for {tokens.asks:,}" in tokens.how


def test_each_way_to_wait_is_cheaper_above_its_crossing_and_dearer_below():
    plan = a_plan(users=1_000_000, peak=200)
    job, day = waits(plan.day, plan.needs, COUNTS)
    mean = waiting.turns_a_day(day) / DAY

    assert len(plan.waiting.crossings) == 3
    for each in plan.waiting.crossings:
        below, above = (waiting.monthly(job, day.times(each.turns / mean * factor), PRICES) for factor in (0.97, 1.03))
        assert below[each.cheaper] > below[each.than]
        assert above[each.cheaper] < above[each.than]


def test_three_instances_stand_ready_for_nobody_too():
    usd = a_plan(users=1, turns_per_day=1, peak=0.001).waiting.usd["managed instances"]

    assert usd == pytest.approx(3 * 24 * DAYS * 0.145 * 1.15, rel=0.001)


def test_instances_do_not_pay_where_they_must_stand_ready_for_bursts():
    even, bursts = (a_plan(users=1_000_000, peak=peak).waiting for peak in (200, 10_000))

    assert even.usd["managed instances"] < even.usd["on demand"] < bursts.usd["managed instances"]
    assert bursts.crossings[0].turns is None


def test_more_memory_is_faster_up_to_one_processor_and_always_dearer_for_who_waits():
    plan = a_plan()

    for kind, sizes in plan.memory.items():
        assert [each.memory_mb for each in sizes] == list(SIZES)
        own = [each.own_seconds for each in sizes]
        assert own == sorted(own, reverse=True)
        assert own[-1] == own[-2] == own[SIZES.index(1_769)] < own[SIZES.index(1_536)]
        assert sizes[-1].usd_per_million > sizes[0].usd_per_million, kind
    assert plan.knees["miss"] < plan.knees["exact_hit"] <= 1_769


def test_every_price_says_when_and_where_it_was_seen():
    for name, price in PRICES.prices.items():
        assert re.fullmatch(r"20\d\d-\d\d", price.date), name
        assert price.source.startswith("aws.amazon.com/"), name
        assert price.usd > 0
    assert PRICES.free.keys() <= PRICES.prices.keys()
    assert set(PRICES.paces) <= {"claude-haiku-4-5", "claude-sonnet-4-6", "nova-lite"}


def test_the_page_says_what_the_planner_says():
    text = page.PAGE.read_text(encoding="utf-8")

    assert page.written(text, page.tables(page.plans(PRICES))) == text


def test_the_command_says_what_the_page_says(capsys):
    options = page.LOADS["1 M"].split()

    assert main([*options, "--quick", "--json"]) == 0

    total = msgspec.json.decode(capsys.readouterr().out)["totals"]["infrastructure_usd"]
    assert f" {total:,.0f} USD |" in page.PAGE.read_text(encoding="utf-8")


def test_the_function_that_waits_is_the_one_that_chats_are_sent_to():
    assert Route("POST", "/v1/chat/completions") in ROUTES
    assert CHAT in STAGES["solo"].functions


def test_a_load_that_was_not_checked_says_why():
    with pytest.raises(BadLoad, match="--hit-rate"):
        a_load(hit_rate=float("nan"))
