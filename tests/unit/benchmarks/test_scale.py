"""Cost and latency by users: the planner's own figures, told in parts that make up the whole."""

import pytest

from benchmarks import scale
from benchmarks.scale import BEGIN, END, group_of, load_of, points, tables
from benchmarks.scale_plot import cost_plot, latency_plot
from infra.plan import counts as measured
from infra.plan import prices as price_list
from infra.plan.plots import save

COUNTS, PRICES = measured.read(), price_list.read()


@pytest.fixture(scope="module")
def found():
    return points((1, 10_000), (1,), COUNTS, PRICES)


@pytest.mark.parametrize("users", scale.USERS)
def test_the_peak_is_never_below_the_mean_and_meanings_begin_where_the_page_says(users):
    load = load_of(users, PRICES)

    assert load.peak > 3 * load.mean
    assert (load.semantic_rate > 0) == (users >= 10_000)


def test_the_parts_make_up_the_whole(found):
    for each in found:
        assert sum(each.parts.values()) == pytest.approx(each.plan.bill.per_turn * 1e6)


@pytest.mark.parametrize(
    ("part", "group"),
    [
        ("Lambda, waiting", "Lambda, waiting"),
        ("Lambda, requests", "Lambda"),
        ("DynamoDB, writes", "DynamoDB"),
        ("data out", "way in"),
        ("X-Ray", "metrics, alarms, the rest"),
    ],
)
def test_a_part_of_the_bill_has_one_place(part, group):
    assert group_of(part) == group


def test_more_memory_of_a_stage_makes_a_turn_shorter(found):
    solo, team = (each.size("miss").own_seconds for each in found)

    assert solo < team


def test_only_what_was_played_says_how_long_callers_waited(found):
    alone, many = found

    assert many.played is None
    assert 0 < alone.played.wait_p50 <= alone.played.wait_p99


def test_every_figure_says_how_it_is_known(found):
    text = tables(found, COUNTS)

    assert [line for line in text.splitlines() if line.startswith("| 10,000 | team |")]
    heads = next(line for line in text.splitlines() if "own ms" in line).strip("| ").split(" | ")
    assert all("computed" in head or "simulated" in head for head in heads[1:])


def test_the_page_gets_tables_and_pictures_and_keeps_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "USERS", (1, 100))
    monkeypatch.setattr(scale, "PLAYED", (1,))
    page = tmp_path / "benchmarks.md"
    page.write_text(f"Before.\n{BEGIN}\nstale figures\n{END}\nAfter.\n")

    scale.main(page)

    assert page.read_text().startswith("Before.\n")
    assert page.read_text().endswith("\nAfter.\n")
    assert "stale figures" not in page.read_text()
    assert {each.name for each in tmp_path.glob("*.svg")} == {"scale-cost.svg", "scale-latency.svg"}


def test_the_same_figures_give_the_same_pictures(found, tmp_path):
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"
    for path in (one, two):
        save(cost_plot(found), path)

    assert one.read_bytes() == two.read_bytes()
    assert "simulated" in " ".join(latency_plot(found, scale.KINDS).axes[0].get_legend_handles_labels()[1])
