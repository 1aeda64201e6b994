"""The played day against what is computed for it, and the report that is made of both."""

import io
import subprocess
import sys

import msgspec
import pytest

from infra.plan import counts, plots, prices, report
from infra.plan.__main__ import Bar, main, with_day
from infra.plan.load import Load, checked
from infra.plan.plan import planned
from infra.plan.simulated import TURNS, Slice, play, sample_of, slices
from infra.plan.tables import Section, as_html, as_markdown, sections
from tests.infra.runs import ROOT

COUNTS, PRICES = counts.read(), prices.read()
MINUTES = Slice("some minutes", 54_000.0, 120.0, 1)


def a_plan(**changes):
    known = {"users": 10_000, "turns_per_day": 20, "peak": 4.0, "input_tokens": 1_500, "output_tokens": 400}
    return planned(checked(Load(**known | {"hit_rate": 0.25} | changes), PRICES), COUNTS, PRICES)


def minutes(plan, part=MINUTES, seed=1, tell=lambda _: None):
    sample = sample_of(plan.load, plan.needs, PRICES.paces[plan.load.model], COUNTS, part.parts)
    return play(part, plan.day, sample, tenants=plan.load.customers, seed=seed, tell=tell)


@pytest.fixture(scope="module")
def calm():
    plan = a_plan()
    return plan, minutes(plan)


def test_as_many_come_as_the_curve_says(calm):
    plan, played = calm

    assert played.turns == pytest.approx(plan.day.busiest * MINUTES.seconds, rel=0.2)
    assert sum(turns for _, turns, _, _ in played.series) / len(played.series) == pytest.approx(4.0, rel=0.25)


def test_where_the_quota_is_what_the_plan_asks_for_all_are_answered_at_once(calm):
    plan, played = calm

    assert set(played.ends) == {"hit", "miss"}
    assert played.ends["hit"] == pytest.approx(plan.load.hit_rate, abs=0.08)
    assert played.throttles == 0
    assert played.wait_p99 < 3 * plan.needs.mix.model_seconds


def test_as_many_functions_run_as_computed(calm):
    plan, played = calm

    computed = plan.needs.concurrency["stream"]
    simulated = max(running for _, _, running, _ in played.series)
    assert computed / 2 < simulated < computed * 2


def test_a_day_can_be_played_again(calm):
    plan, played = calm

    assert minutes(plan) == played
    assert minutes(plan, seed=2) != played


def test_what_a_quota_does_not_bear_waits_in_line_and_is_done(calm):
    plan, at_once = calm

    minute = msgspec.structs.replace(MINUTES, seconds=60.0)
    short = minutes(a_plan(quota=plan.needs.model_tokens // 2), minute)

    assert short.ends["job"] > 0.05
    assert set(short.ends) <= {"hit", "miss", "job", "not yet"}
    assert short.wait_p99 > 1.5 * at_once.wait_p99


def test_jobs_by_wish_go_through_the_line():
    plan = a_plan(later=0.5, streamed=0.0)

    played = minutes(plan)

    assert played.ends["job"] == pytest.approx(0.5 * 0.75, abs=0.1)
    assert played.concurrency["work"] > 0
    assert played.in_hand >= 1


def test_a_sample_is_as_busy_as_the_whole(calm):
    plan, whole = calm

    sample = minutes(plan, msgspec.structs.replace(MINUTES, parts=3))

    assert sample.sampled < whole.sampled / 2
    assert sample.turns == pytest.approx(whole.turns, rel=0.3)
    assert sample.wait_p50 == pytest.approx(whole.wait_p50, rel=0.2)
    assert sum(sample.concurrency.values()) == pytest.approx(sum(whole.concurrency.values()), rel=0.6)


def test_a_small_day_is_played_whole_and_of_a_large_one_the_hours_that_differ():
    small = a_plan(users=10, peak=1.0)
    large = a_plan(users=1_000_000, peak=10_000.0)

    assert [each.name for each in slices(small.day, small.needs)] == ["the whole day"]
    parts = slices(large.day, large.needs)
    assert [each.name for each in parts][-1] == "a burst and after"
    assert len(parts) == 4
    for each in parts:
        turns = sum(large.day.rate(each.begins + second) for second in range(int(each.seconds)))
        assert turns / each.parts <= TURNS * 1.2


def test_progress_is_shown_on_a_terminal_alone():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal, pipe = Terminal(), io.StringIO()

    for out in (terminal, pipe):
        with_day(a_plan(users=2, peak=1.0), COUNTS, PRICES, seed=1, bar=Bar(out))

    assert "100% the whole day" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r")
    assert pipe.getvalue() == ""


def test_the_report_stands_alone(tmp_path, calm):
    plan, played = calm
    plan = msgspec.structs.replace(plan, played=[played])

    written = report.write(plan, COUNTS, PRICES, folder=tmp_path / "new" / "plan", command="python -m infra.plan <b>")

    names = {path.name for path in written}
    assert names == {"report.html", "report.json", "cost.png", "waiting.png", "memory.png", "day.png"}
    page = (tmp_path / "new" / "plan" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "&lt;b&gt;" in page
    assert "http" not in page.replace("https://", "http").split("<h1>")[0]
    whole = msgspec.json.decode((tmp_path / "new" / "plan" / "report.json").read_bytes())
    assert whole["totals"]["infrastructure_usd"] == pytest.approx(plan.bill.infrastructure)
    assert whole["plan"]["played"][0]["sampled"] == played.sampled
    assert whole["prices"]["prices"]["lambda_requests"]["date"]


def test_the_page_sets_numbers_flush_right_and_what_is_typed_in_its_own_letters():
    found = as_html(Section("T", ("name", "units", "code"), [("a b", "1,000", "L-1"), ("`x`", "20", "")], "`y` <z>"))

    assert '<th class="n">units</th><th class="w">code</th>' in found
    assert '<td>a b</td><td class="n">1,000</td><td class="w">L-1</td>' in found
    assert "<code>x</code>" in found
    assert "<p><code>y</code> &lt;z&gt;</p>" in found


def test_what_is_drawn_fits_in_and_no_legend_lies_over_it(calm):
    plan, played = calm
    tenfold = [(at, *(10.0 * each for each in rest)) for at, *rest in played.series]
    higher = msgspec.structs.replace(played, series=tenfold)

    figures = plots.drawn(msgspec.structs.replace(plan, played=[played, higher, played]), COUNTS, PRICES)

    panels = figures["day"].axes
    assert len(panels) == 3
    for axes in panels:
        assert axes.get_ylim()[0] == 0
        assert axes.get_ylim()[1] >= max(max(line.get_ydata()) for line in axes.get_lines())
    for name in ("waiting", "memory", "day"):
        assert [axes.get_legend() for axes in figures[name].axes] == [None] * len(figures[name].axes)
        assert len(figures[name].legends) == 1
    assert len(figures["cost"].axes[0].texts) == len(figures["cost"].axes[0].patches)  # each bar says its figure


def test_a_reader_who_has_seen_enough_is_no_fault():
    options = "--users 5 --turns-per-day 1 --peak 1 --input-tokens 10 --output-tokens 10 --hit-rate 0 --quick"

    with subprocess.Popen(
        [sys.executable, "-m", "infra.plan", *options.split()],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as run:
        run.stdout.close()
        faults = run.stderr.read()

    assert (run.returncode, faults) == (0, b"")


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_same_plan_draws_the_same_picture(tmp_path, calm, form):
    files = [tmp_path / f"{place}.{form}" for place in range(2)]

    for path in files:
        plots.save(plots.memory(calm[0]), path)

    first, second = (path.read_bytes() for path in files)
    assert first == second


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    options = "--users 1 --turns-per-day 1 --peak 1 --input-tokens 9 --output-tokens 9 --hit-rate 0 --quick"

    status = main([*options.split(), "--out", str(tmp_path / "file" / "plan")])

    assert status == 1
    assert capsys.readouterr().err.startswith("--out is a folder that can be written, and ")


def test_every_table_has_a_cell_for_each_column(calm):
    plan, played = calm

    for section in sections(msgspec.structs.replace(plan, played=[played]), PRICES):
        assert {len(row) for row in section.rows} == {len(section.columns)}
        assert as_markdown(section).count("\n") >= 2 + len(section.rows)
