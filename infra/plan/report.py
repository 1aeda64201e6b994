"""The report of a plan: a page that stands alone, with plots, and the same as JSON."""

from base64 import b64encode
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

import msgspec

from infra.plan.counts import Counts
from infra.plan.plan import Plan
from infra.plan.plots import drawn, save
from infra.plan.prices import Prices
from infra.plan.tables import as_html, sections

STYLE: Final = (
    "body{font:14px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse}th,td{border-bottom:1px solid #ddd;padding:.2rem .8rem .2rem 0;text-align:left;"
    "vertical-align:top}th{white-space:nowrap}td{font-variant-numeric:tabular-nums}"
    ".n,.w{white-space:nowrap}.n{text-align:right}h2{margin-top:2rem}img{max-width:100%}"
    "code{background:#f3f3f3;overflow-wrap:anywhere}div{overflow-x:auto}"
)
TITLES: Final = {
    "cost": "Where the money goes",
    "waiting": "What waiting for the model costs",
    "memory": "What memory buys",
    "day": "The day, simulated",
}


def write(plan: Plan, counts: Counts, prices: Prices, *, folder: Path, command: str) -> list[Path]:
    """Write `report.html`, `report.json` and a PNG for each plot; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {name: folder / f"{name}.png" for name in TITLES}
    for name, figure in drawn(plan, counts, prices).items():
        save(figure, pictures[name])
    written = [path for path in pictures.values() if path.exists()]
    page, data = folder / "report.html", folder / "report.json"
    page.write_text(_page(plan, prices, {path.stem: path for path in written}, command), encoding="utf-8")
    data.write_bytes(as_json(plan, prices, command))
    return [page, data, *written]


def as_json(plan: Plan, prices: Prices, command: str) -> bytes:
    """The whole plan with the prices that it was made with."""
    whole: dict[str, Any] = {"command": command, "plan": plan, "prices": prices}
    whole["totals"] = {
        "infrastructure_usd": plan.bill.infrastructure,
        "share_of_model": plan.bill.share,
        "usd_per_turn": plan.bill.per_turn,
    }
    return msgspec.json.format(msgspec.json.encode(whole)) + b"\n"


def _page(plan: Plan, prices: Prices, pictures: Mapping[str, Path], command: str) -> str:
    body = "".join(map(as_html, sections(plan, prices)))
    shown = "".join(
        f'<h2>{TITLES[name]}</h2><img alt="{TITLES[name]}" src="data:image/png;base64,{_encoded(path)}">'
        for name, path in pictures.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>Tidegate: plan</title>"
        f"<style>{STYLE}</style><h1>What a load needs and costs</h1><p><code>{escape(command)}</code></p>{body}{shown}"
        "</html>\n"
    )


def _encoded(path: Path) -> str:
    return b64encode(path.read_bytes()).decode()
