import io
import json

from benchmarks import page
from benchmarks.figures import Figures, quantile, spread
from benchmarks.page import BEGIN, END
from benchmarks.read_units import item_bytes, read_units

SPREAD = {"min": 1.0, "median": 2.0, "max": 3.0}
CLOCKED = {"cpu_ms": SPREAD, "p50_ms": 2.0, "p99_ms": 3.0}
ASKED = {"calls": {"query": 1.5}, "bytes_sent": 1, "bytes_received": 1, "read_units": 1.0, "write_units": 2.0}
SERVED = {"connections": 8, "requests_per_second": SPREAD, "p50_ms": 1.0, "p99_ms": 2.0, "api_cpu_ms": SPREAD}
STARTED = {"total_cpu_ms": SPREAD, "total_wall_ms": SPREAD, "cpu_ms": {"import": 2.0}, "resident_mb": 50.0}
FORM = {"ledger": "tidegate", "limits": 3, "shards": 16, "clients": 8}
LOADED = {**FORM, "turns_per_second": SPREAD, "cpu_ms": SPREAD, "requests_per_turn": 2.0, "busy": 1, "turns": 9}
ROWS = (
    ("machine", {"python": "3.11", "cores": 2, "load": 0.5, "seed": 7}),
    ("turn", {"turn": "hit", **CLOCKED, "x_floor": 1.25}),
    ("yardstick", {"call": "get_item", **CLOCKED}),
    ("dynamodb", {"turn": "hit", **ASKED, "usd_per_million_turns": 5.75}),
    ("http", {"turn": "hit", **SERVED, "emulator_cpu_ms": SPREAD}),
    ("ledger", {**LOADED, "emulator_cpu_ms": SPREAD, "client_cores": 0.5, "x_peer_turns": 2.5}),
    ("conflicts", {**LOADED, "conflict_share": 0.25}),
    ("overspend", {**FORM, "budget": 100, "over": 0, "burned_share": SPREAD, "unaccounted": 0}),
    ("repeated", {"ledger": "tidegate", "turns": 9, "burned": 90, "used": 90}),
    ("memory", {"api_mb": 60.0, "emulator_mb": 200.0}),
    ("cold", {"start": "gateway", "modules": "compiled", **STARTED}),
    ("import", {"start": "gateway", "total_ms": SPREAD, "packages_ms": {"chalice": 2.0}}),
)


def test_a_quantile_is_a_value_that_was_measured():
    values = [5.0, 1.0, 3.0, 4.0, 2.0]

    assert [quantile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 3.0, 5.0, 5.0]


def test_a_spread_has_the_least_the_middle_and_the_most():
    assert spread([3.0, 1.0, 2.0]) == SPREAD


def test_every_figure_is_one_line_of_json():
    out = io.StringIO()
    figures = Figures(out)

    figures.add("turn", turn="hit", cpu_ms=1.5)

    assert json.loads(out.getvalue()) == {"bench": "turn", "turn": "hit", "cpu_ms": 1.5}
    assert out.getvalue().count("\n") == 1


def test_the_page_keeps_all_but_the_figures(tmp_path):
    file = tmp_path / "benchmarks.md"
    file.write_text(f"# Benchmarks\n\n{BEGIN}\n\nstale\n{END}\n\nThe end.\n")
    figures = Figures(io.StringIO())
    for bench, row in ROWS:
        figures.add(bench, **row)

    page.write(figures, file)
    page.write(figures, file)

    text = file.read_text()
    assert text.startswith(f"# Benchmarks\n\n{BEGIN}\n\n")
    assert text.endswith(f"\n{END}\n\nThe end.\n")
    assert "stale" not in text
    assert text.count("| hit | 1, 2, 3 | 2 | 3 |  |  |  | 1.25 |") == 1
    assert "| hit | 1.5 query | 1 | 1 | 1 | 2 | 5.75 |" in text
    assert "| tidegate | 3 | 16 | 8 | 1, 2, 3 | 1, 2, 3 | 2 | 2 | 0.5 | 2.5 |  |" in text
    assert "| 2 | 25.0% | 1 of 10 |" in text
    assert "| 100 | 0 | 1, 2, 3 | 0 |" in text


def test_an_item_is_as_large_as_its_names_and_values():
    item = {"pk": {"S": "é"}, "n": {"N": "-12345"}, "b": {"B": b"123"}, "l": {"L": [{"BOOL": True}]}}

    assert item_bytes(item) == (2 + 2) + (1 + 4) + (1 + 3) + (1 + 3 + 1 + 1)


def test_a_batch_rounds_each_item_and_charges_what_is_missing():
    request = {"RequestItems": {"t": {"Keys": [{}, {}, {}], "ConsistentRead": True}}}
    reply = {"Responses": {"t": [{"b": {"B": b"x" * 5000}}, {"b": {"B": b"x"}}]}}

    assert read_units("batch_get_item", request, reply) == 2 + 1 + 1


def test_a_query_rounds_the_page():
    reply = {"Items": [{"b": {"B": b"x" * 3000}}] * 3}

    assert read_units("query", {"ConsistentRead": True}, reply) == 3
    assert read_units("query", {}, reply) == 1.5


def test_a_read_of_nothing_costs_the_least():
    assert read_units("get_item", {"ConsistentRead": True}, {}) == 1
