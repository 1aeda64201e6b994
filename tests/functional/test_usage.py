"""Who used what, and what is left of it."""

import csv
import io
import time
from datetime import UTC, datetime

import pytest

from chalicelib.domain.budget import Limit
from chalicelib.domain.identity import parse_token, tenant_tag, user_tag
from tests.functional.world import chat_body

CHAT = "/v1/chat/completions"
CSV = {"accept": "text/csv"}
NONE = {"requests": None, "tokens": None, "usd_micros": None}
NOTHING = {"requests": 0, "tokens": 0, "usd_micros": 0}


@pytest.fixture
def admin(world):
    return world.key("ops", "root", scopes=frozenset({"admin"}))


def lines(data):
    return {(line["subject"], line["window"]): line for line in data}


def table(answer):
    assert answer.status == 200, answer.body
    text = answer.body.decode()
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_ones_own_usage_is_that_of_key_user_and_tenant(world):
    key, other, foreign = world.key(), world.key(), world.key("evil", "eve")
    spent = [world.chat(f"Question {n}", key=each).json["usage"]["total_tokens"] for n, each in enumerate((key, other))]
    world.chat("Mine", key=foreign)

    answer = world.call("GET", "/v1/usage", key=key)

    found = lines(answer.json["data"])
    assert (answer.json["tenant"], answer.json["user"], answer.json["plan"]) == ("acme", "ada", "standard")
    assert list(found) == [(who, window) for who in ("key", "user", "tenant") for window in ("minute", "day", "month")]
    assert [found[who, "day"]["used"]["requests"] for who in ("key", "user", "tenant")] == [1, 2, 2]
    assert [found[who, "day"]["used"]["tokens"] for who in ("key", "user")] == [spent[0], sum(spent)]
    assert [found[who, "day"]["id"] for who in ("key", "user", "tenant")] == [
        parse_token(key).key_id,
        user_tag("acme", "ada"),
        tenant_tag("acme"),
    ]


def test_a_line_says_what_is_left_and_when_it_comes_back(world):
    world.plan(Limit("user", "day", requests=10), Limit("tenant", "month", tokens=10**6), name="narrow")
    key = world.key(plan="narrow")
    used = world.chat("Hi", key=key).json["usage"]["total_tokens"]

    found = lines(world.call("GET", "/v1/usage", key=key).json["data"])

    assert found["user", "day"]["limit"] == {**NONE, "requests": 10}
    assert found["user", "day"]["remaining"] == {**NONE, "requests": 9}
    assert found["tenant", "month"]["remaining"] == {**NONE, "tokens": 10**6 - used}
    assert (found["key", "minute"]["limit"], found["key", "minute"]["remaining"]) == (NONE, NONE)
    line = found["user", "day"]
    assert 0 < line["reset"] - time.time() <= 86_400
    assert datetime.fromisoformat(line["reset_at"]) == datetime.fromtimestamp(line["reset"], UTC)
    assert line["cost_usd_micros"] == line["used"]["usd_micros"] > 0


def test_nothing_is_reserved_between_turns(world):
    key = world.key()
    world.chat("Hi", key=key)

    data = world.call("GET", "/v1/usage", key=key).json["data"]

    assert [line["reserved"] for line in data] == [NOTHING] * 9


def test_reading_usage_charges_nothing(world):
    key = world.key()
    before = world.everything()

    first, second = (world.call("GET", "/v1/usage", key=key) for _ in range(2))

    assert (first.status, first.json["data"][1]["used"]) == (200, NOTHING)
    assert second.json["data"][1] == first.json["data"][1]
    assert world.everything() == before


def test_a_limit_that_was_passed_leaves_nothing(world):
    world.plan(Limit("key", "day", tokens=10**6), name="narrow")
    key = world.key(plan="narrow")
    world.chat("Hi", key=key)
    world.plan(Limit("key", "day", tokens=1), name="narrow")
    world.restart()

    found = lines(world.call("GET", "/v1/usage", key=key).json["data"])

    assert found["key", "day"]["remaining"]["tokens"] == 0


def test_the_tightest_of_a_keys_and_its_tenants_plan_is_shown(world, admin):
    world.plan(Limit("tenant", "day", tokens=700), Limit("key", "day", tokens=50), name="cheap")
    world.plan(Limit("tenant", "day", tokens=600), Limit("key", "day", tokens=300), name="company")
    key = world.key(plan="cheap")
    world.call("POST", "/admin/tenants/acme", {"plan": "company"}, key=admin)

    own = lines(world.call("GET", "/v1/usage", key=key).json["data"])
    told = world.call("GET", "/admin/usage?tenant=acme", key=admin).json

    assert [own[who, "day"]["limit"]["tokens"] for who in ("tenant", "key")] == [600, 50]
    assert lines(told["total"])["tenant", "day"]["limit"]["tokens"] == 600
    assert lines(told["data"][0]["usage"])["key", "day"]["limit"]["tokens"] == 50


def test_what_the_cache_saved_is_told(world):
    key = world.key()
    fresh, hit = (world.chat("What is a tide?", key=key) for _ in range(2))

    line = lines(world.call("GET", "/v1/usage", key=key).json["data"])["key", "day"]

    assert hit.headers["x-tidegate-cache"] == "hit"
    assert line["saved"]["requests"] == 1
    assert line["saved"]["tokens"] == fresh.json["usage"]["total_tokens"]
    assert line["saved"]["usd_micros"] == line["cost_usd_micros"] > 0


def test_ones_own_usage_is_a_table_too(world):
    key = world.key()
    world.chat("Hi", key=key)
    data = world.call("GET", "/v1/usage", key=key).json["data"]

    answer = world.call("GET", "/v1/usage", key=key, headers=CSV)

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["vary"] == "Accept"
    for row, line in zip(table(answer), data, strict=True):
        assert (row["subject"], row["window"], row["reset_at"]) == (line["subject"], line["window"], line["reset_at"])
        for figure in ("used", "reserved", "limit", "remaining", "saved"):
            for meter, amount in line[figure].items():
                assert row[f"{meter}_{figure}"] == ("" if amount is None else str(amount))


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/csv", "application/json"),
        ("TEXT/CSV;q=0.9, application/json;q=0.1", "text/csv"),
        ("text/html, text/csv", "text/csv"),
        ("", "application/json"),
        (",;,", "application/json"),
    ],
)
def test_the_form_is_the_one_that_is_accepted(world, accept, kind):
    answer = world.call("GET", "/v1/usage", key=world.key(), headers={"accept": accept})

    assert answer.headers["content-type"].startswith(kind)


def test_a_tenants_usage_is_told_key_by_key(world, admin):
    keys = [world.key("acme", user, name=f"of {user}") for user in ("ada", "bob", "bob")]
    for number, key in enumerate(keys):
        for turn in range(number):
            world.chat(f"Question {turn}", key=key)
    found, after = [], ""

    while after is not None:
        answer = world.call("GET", f"/admin/usage?tenant=acme&limit=2{after and '&after='}{after}", key=admin).json
        found += answer["data"]
        after = answer["next"]

    used = {account["id"]: lines(account["usage"])["key", "day"]["used"]["requests"] for account in found}
    assert used == {parse_token(key).key_id: number for number, key in enumerate(keys)}
    assert lines(answer["total"])["tenant", "day"]["used"]["requests"] == 3
    assert {account["name"] for account in found} == {"of ada", "of bob"}


def test_a_users_usage_is_told_alone(world, admin):
    for user in ("ada", "bob"):
        world.chat("Hi", key=world.key("acme", user))

    answer = world.call("GET", "/admin/usage?tenant=acme&user=bob", key=admin).json

    assert [account["user"] for account in answer["data"]] == ["bob"]
    assert lines(answer["total"])["user", "day"]["used"]["requests"] == 1


def test_usage_stays_when_the_key_is_revoked(world, admin):
    key = world.key()
    world.chat("Hi", key=key)
    world.call("DELETE", f"/admin/keys/{parse_token(key).key_id}", key=admin)

    (account,) = world.call("GET", "/admin/usage?tenant=acme", key=admin).json["data"]

    assert account["status"] == "revoked"
    assert lines(account["usage"])["key", "month"]["used"]["requests"] == 1


def test_a_tenants_table_has_the_total_once_and_names_the_next_page(world, admin):
    for _ in range(3):
        world.key()

    first = world.call("GET", "/admin/usage?tenant=acme&limit=2", key=admin, headers=CSV)
    after = first.headers["x-tidegate-next"]
    last = world.call("GET", f"/admin/usage?tenant=acme&limit=2&after={after}", key=admin, headers=CSV)

    assert [row["subject"] for row in table(first)] == ["tenant"] * 3 + ["key"] * 6
    assert [row["subject"] for row in table(last)] == ["key"] * 3
    assert "x-tidegate-next" not in last.headers


@pytest.mark.parametrize(
    "name",
    [
        '=cmd|"/c calc"!A1',
        "+1",
        "-1+1",
        "@SUM(1)",
        "\t=1",
        "\r\n=1",
        " =1",
        "＝1",
        'a "quoted", name',
        "two\nlines",
        "a,b",
    ],
)
def test_no_cell_is_run_and_every_cell_is_whole(world, admin, name):
    body = {"tenant": "acme", "user": "ada", "name": name}
    world.call("POST", "/admin/keys", body, key=admin)

    rows = table(world.call("GET", "/admin/usage?tenant=acme&user=ada", key=admin, headers=CSV))

    (shown,) = {row["name"] for row in rows if row["subject"] == "key"}
    assert shown.removeprefix("'") == name
    assert shown.lstrip()[0] not in "=+-@＝"


def test_earlier_periods_are_told_to_whoever_asks(world, admin):
    key = world.key()
    world.chat("What is a tide?", key=key)
    world.chat("What is a tide?", key=key)

    plain = world.call("GET", "/v1/usage", key=key).json
    own = world.call("GET", "/v1/usage?history=1", key=key).json["history"]
    told = world.call("GET", "/admin/usage?tenant=acme&history=true", key=admin).json["history"]

    assert "history" not in plain
    assert [(each["subject"], each["window"]) for each in own] == [
        (who, window) for who in ("key", "user", "tenant") for window in ["month"] * 13 + ["day"] * 2
    ]
    today = own[14]
    assert (today["used"]["requests"], today["saved"]["requests"]) == (2, 1)
    assert today["starts_at"] == datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z")
    assert own[0]["saved"] is None
    assert told == own[30:]


def test_what_became_of_a_users_turns_is_told_by_day_model_and_outcome(world, admin):
    key = world.key()
    world.chat("What is a tide?", key=key)
    world.chat("What is a tide?", key=key)
    world.chat("What is a tide?", key=world.key(user="bob"))

    own = world.call("GET", "/v1/usage?history=1", key=key).json
    told = world.call("GET", "/admin/usage?tenant=acme&user=ada&history=1", key=admin).json["days"]
    rows = table(world.call("GET", "/v1/usage?history=1", key=key, headers=CSV))
    as_told = table(world.call("GET", "/admin/usage?tenant=acme&user=ada&history=1", key=admin, headers=CSV))

    answered, exact = own["days"]
    used = own["history"][29]["used"]
    assert (answered["outcome"], answered["turns"], answered["usd_micros"]) == ("answered", 1, used["usd_micros"])
    assert answered["input_tokens"] + answered["output_tokens"] == used["tokens"]
    assert answered["date"] == datetime.now(UTC).strftime("%Y-%m-%d")
    assert (exact["outcome"], exact["turns"], exact["usd_micros"]) == ("exact", 1, 0)
    assert (exact["saved_tokens"], exact["saved_usd_micros"]) == (used["tokens"], used["usd_micros"])
    assert told == own["days"]
    assert rows == as_told
    assert rows == [
        {"tenant": "acme", "user": "ada", **{name: str(value) for name, value in each.items()}} for each in told
    ]


def test_nothing_tells_by_model_what_a_whole_tenant_used(world, admin):
    world.chat("What is a tide?", key=world.key())

    told = world.call("GET", "/admin/usage?tenant=acme&history=1", key=admin).json
    plain, asked = (
        world.call("GET", f"/admin/usage?tenant=acme{more}", key=admin, headers=CSV) for more in ("", "&history=1")
    )

    assert "days" not in told
    assert asked.body == plain.body


def test_how_many_wait_in_the_tenants_line_is_told(world, admin):
    key = world.key()
    before = world.call("GET", "/v1/usage", key=key).json["line"]
    for _ in range(2):
        world.call("POST", CHAT, chat_body("Later"), key=key, headers={"prefer": "respond-async"})

    own = world.call("GET", "/v1/usage", key=world.key(user="bob")).json["line"]
    told = world.call("GET", "/admin/usage?tenant=acme", key=admin).json["line"]
    other = world.call("GET", "/v1/usage", key=world.key("evil", "eve")).json["line"]

    assert before == other == {"waiting": 0, "eta_seconds": 0}
    assert own == told
    assert (own["waiting"], own["eta_seconds"]) == (2, 6)
