"""Whatever an administrator sends: OpenAI's error body, a 400 that names the field, nothing changed."""

import json
import time

import pytest

from tests.functional.bad_input import HUGE, LONG_NAME, WHOLE

PLANS = "/admin/plans"
KEYS = "/admin/keys"
TENANT = "/admin/tenants/acme"
ROTATE = "/admin/keys/{own}/rotate"
PURGE = "/admin/cache/purge"
HOOK = "https://hooks.example.com/"
HOSTILE_HOOKS = [
    "",
    "http://hooks.example.com/",
    "https://127.0.0.1/",
    "http://127.0.0.1:8080/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::ffff:169.254.169.254]/",
    "https://0x7f000001/",
    "https://localhost/",
    "https://user:secret@hooks.example.com/",
    "https://hooks.example.com:22/",
    "https://metadata.google.internal/",
    f"https://hooks.example.com/{LONG_NAME}",
]
LIMIT = {"subject": "key", "window": "day", "tokens": 5}
PLAN = {"name": "free", "limits": [LIMIT]}
KEY = {"tenant": "acme", "user": "ada"}
AMOUNTS = [0, -1, 1.5, 10**15 + 1, HUGE, "7", True, [], {}]
UNPRINTABLE = ["", " ", " acme", "acme ", "a\nb", "a\x00b", "a\u202eb", "a\u200bb", "x" * 129, LONG_NAME]


PLAN_ROWS = [
    ({"limits": []}, "name"),
    ({"name": "free"}, "limits"),
    *(
        ({**PLAN, "name": name}, "name")
        for name in ("", "x" * 65, "a b", "a/b", "a\n", "☃", ".a", "a\x00", 1, None, [])
    ),
    *(({**PLAN, "limits": limits}, "limits") for limits in (None, 1, "x", {}, [1], [None], [[]], [LIMIT] * 10)),
    *(
        ({**PLAN, "limits": [{**LIMIT, meter: amount}]}, f"limits[0].{meter}")
        for meter in ("requests", "tokens", "usd_micros")
        for amount in AMOUNTS
    ),
    *(({**PLAN, "concurrent": amount}, "concurrent") for amount in AMOUNTS),
    ({**PLAN, "limits": [{"window": "day", "tokens": 5}]}, "limits[0].subject"),
    ({**PLAN, "limits": [{"subject": "key", "tokens": 5}]}, "limits[0].window"),
    ({**PLAN, "limits": [{**LIMIT, "subject": "team"}]}, "limits[0].subject"),
    ({**PLAN, "limits": [LIMIT, {**LIMIT, "window": "year"}]}, "limits[1].window"),
    ({**PLAN, "limits": [{"subject": "key", "window": "day"}]}, "limits[0]"),
    ({**PLAN, "limits": [{**LIMIT, "tokens": None}]}, "limits[0]"),
    ({**PLAN, "limits": [LIMIT, {**LIMIT, "tokens": None, "requests": 1}]}, "limits[1]"),
    ({**PLAN, "colour": 1}, "colour"),
    ({**PLAN, "limits": [{**LIMIT, "colour": 1}]}, "limits[0].colour"),
    *(
        ({**PLAN, "models": models}, "models")
        for models in ([], "nova-lite", [1], [None], ["nova-lite", "gpt-7"], [""], [LONG_NAME], ["a\x00"])
    ),
    ({**PLAN, "models": ["nova-lite", "gpt-7"]}, "models[1]"),
    ({**PLAN, "shares_answers": "yes"}, "shares_answers"),
    ({**PLAN, "cache": {"mode": "on"}}, "cache.mode"),
    ({**PLAN, "cache": {"max_error": 2}}, "cache.max_error"),
    ({**PLAN, "cache": {"check_rate": -0.1}}, "cache.check_rate"),
    ({**PLAN, "cache": {"protected_terms": [""]}}, "cache.protected_terms"),
    ({**PLAN, "cache": {"ttl_seconds": 0}}, "cache.ttl_seconds"),
    ({**PLAN, "cache": {"colour": 1}}, "cache.colour"),
]
KEY_ROWS = [
    ({"user": "ada"}, "tenant"),
    ({"tenant": "acme"}, "user"),
    *(({**KEY, field: name}, field) for field in KEY for name in (*UNPRINTABLE, 1, None, [])),
    *(({**KEY, "plan": plan}, "plan") for plan in ("nothing", "", 1, [], "a b", LONG_NAME)),
    *(({**KEY, "scopes": scopes}, "scopes") for scopes in ("chat", [], ["root"], ["chat", "root"], [1], {"chat": 1})),
    *(({**KEY, "name": name}, "name") for name in (1, "x" * 201, [])),
    *(({**KEY, "expires_at": moment}, "expires_at") for moment in (0, 1, -1, 1.5, "soon", True, 253_402_300_800, HUGE)),
    ({**KEY, "colour": 1}, "colour"),
]
TENANT_ROWS = [
    *(({"plan": plan}, "plan") for plan in ("nothing", "", 1, [], LONG_NAME)),
    ({}, "plan"),
    ({"plan": None, "tenant": "evil"}, "tenant"),
    *(({"webhook": hook}, "webhook") for hook in ("https://hooks.example.com/", 1, [], True)),
    *(({"webhook": hook}, "webhook.url") for hook in ({}, {"rotate": True}, {"url": None}, {"url": 1})),
    *(({"webhook": {"url": HOOK, "rotate": rotate}}, "webhook.rotate") for rotate in ("yes", 1, [])),
    *(({"webhook": {"url": HOOK, name: "x"}}, f"webhook.{name}") for name in ("secret", "colour")),
    *(({"plan": None, "webhook": {"url": url}}, "webhook.url") for url in HOSTILE_HOOKS),
]
ROTATE_ROWS = [
    *(({"overlap_seconds": overlap}, "overlap_seconds") for overlap in (-1, 86_401, 1.5, "60", True, HUGE)),
    ({"plan": "standard"}, "plan"),
]
PURGE_ROWS = [
    ({}, "tenant"),
    *(({"tenant": name}, "tenant") for name in (*UNPRINTABLE, 1, None, [])),
    *(({"tenant": "acme", "user": name}, "user") for name in (*UNPRINTABLE, 1, [])),
    *(({"tenant": "acme", part: name}, part) for part in ("model", "prefix") for name in ("", 1, LONG_NAME, [])),
    *(
        ({"tenant": "acme", "older_than_seconds": age}, "older_than_seconds")
        for age in (-1, 1.5, "60", True, 31_536_001, HUGE)
    ),
    ({"tenant": "acme", "colour": 1}, "colour"),
]
ROWS = [
    (path, body, param)
    for path, rows in (
        (PLANS, PLAN_ROWS),
        (KEYS, KEY_ROWS),
        (TENANT, TENANT_ROWS),
        (ROTATE, ROTATE_ROWS),
        (PURGE, PURGE_ROWS),
    )
    for body, param in rows
]
NO_BODIES = [
    (path, body, code)
    for path in (PLANS, KEYS, TENANT, ROTATE, PURGE)
    for _, body, code in WHOLE
    if body or path != ROTATE  # which may have none
]


@pytest.fixture(scope="module")
def admin(quiet_world):
    return quiet_world.key("ops", "root", scopes=frozenset({"admin"}))


@pytest.fixture(scope="module")
def own(quiet_world, admin):
    return quiet_world.call("POST", KEYS, KEY, key=admin).json["id"]


@pytest.fixture
def send(quiet_world, admin, own):
    """Calls that change nothing."""
    before = quiet_world.everything()
    yield lambda method, path, body=None: quiet_world.call(method, path.replace("{own}", own), body, key=admin)
    assert quiet_world.everything() == before


def refused(answer):
    assert answer.status == 400, answer.body
    assert answer.json.keys() == {"error"}
    assert list(answer.error) == ["message", "type", "param", "code"]
    assert answer.error["type"] == "invalid_request_error"
    assert 0 < len(answer.error["message"]) < 600
    return answer.error


@pytest.mark.parametrize(("path", "body", "param"), ROWS, ids=lambda part: repr(part)[:60])
def test_bad_input_is_refused_by_name_and_changes_nothing(send, path, body, param):
    answer = send("POST", path, body)

    assert (refused(answer)["param"] or "").startswith(param)


@pytest.mark.parametrize(("path", "body", "code"), NO_BODIES, ids=lambda part: repr(part)[:40])
def test_a_body_that_is_none_is_refused(send, path, body, code):
    answer = send("POST", path, body)

    assert refused(answer)["code"] == (code or answer.error["code"])


@pytest.mark.parametrize("number", ["1e999", "NaN", "9" * 5_000, "07", "0x7", "-0"])
def test_a_number_that_is_none_is_refused(send, number):
    refused(send("POST", PLANS, json.dumps(PLAN).replace("5", number)))


@pytest.mark.parametrize("name", [name for name in UNPRINTABLE if "\n" not in name and name.strip(" \x00")])
def test_a_tenant_that_nobody_could_read_is_refused(send, name):
    answer = send("POST", f"/admin/tenants/{name}", {"plan": None})

    assert refused(answer)["param"] == "tenant"


@pytest.mark.parametrize("path", [KEYS, "/admin/usage", "/admin/cache/decisions"])
@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("", "tenant"),
        ("user=ada", "tenant"),
        ("tenant=", "tenant"),
        ("tenant=%00", "tenant"),
        ("tenant=%0A", "tenant"),
        ("tenant=" + "x" * 129, "tenant"),
        ("tenant=acme&user=", "user"),
        ("tenant=acme&user=%E2%80%AE", "user"),
        *(
            (f"tenant=acme&limit={limit}", "limit")
            for limit in ("0", "101", "x", "-1", "1e1", "%D9%A1", "00000001", "1.0")
        ),
        ("tenant=acme&after=x", "after"),
    ],
)
def test_a_page_that_cannot_be_is_refused(send, path, query, param):
    answer = send("GET", f"{path}?{query}")

    assert refused(answer)["param"] == param


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("user=ada", "tenant"),
        ("tenant=", "tenant"),
        ("tenant=%0A", "tenant"),
        ("tenant=acme&user=%E2%80%AE", "user"),
        ("action=", "action"),
        ("action=key.*", "action"),
        ("action=KEY.CREATE", "action"),
        *((f"{name}={text}", name) for name in ("since", "before") for text in ("", "-1", "1e9", "%D9%A1", "9" * 13)),
        ("before=253402300800", "before"),
        ("limit=0", "limit"),
        ("after=x", "after"),
        ("after=" + "A" * 60, "after"),
    ],
)
def test_a_look_into_the_trail_that_cannot_be_is_refused(send, query, param):
    assert refused(send("GET", f"/admin/audit?{query}"))["param"] == param


def test_a_moment_that_has_just_passed_is_refused(send):
    answer = send("POST", KEYS, {**KEY, "expires_at": int(time.time())})

    assert refused(answer)["param"] == "expires_at"


@pytest.mark.parametrize(
    ("query", "param"), [("", "tenant"), ("tenant=%0A", "tenant"), ("tenant=acme&outcome=hit", "outcome")]
)
def test_a_look_into_the_cache_that_cannot_be_is_refused(send, query, param):
    assert refused(send("GET", f"/admin/cache/decisions?{query}"))["param"] == param
