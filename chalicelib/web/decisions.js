/** What the semantic cache decided for a tenant, and how it fares. */

import { columns, compact } from "./charts.js";
import { json } from "./api.js";
import { el, fill } from "./dom.js";
import { badge, bars, choice, download, figure, section, soft, table, tell } from "./figures.js";
import { count } from "./format.js";

const DAY = 86_400;
const MOST = 500; // decisions that are read
const LISTED = 50;
const WHEN = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "UTC" });
const DATE = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", timeZone: "UTC" });
const MODES = { off: "off", shadow: "watching, and serving nothing", serve: "serving" };

const share = (value) => (value === null ? "–" : `${(100 * value).toFixed(1)}%`);
const near = (value) => (value === null ? "–" : value.toFixed(3));

const HEAD = [
  { label: "When (UTC)", name: "created_at", show: (value) => WHEN.format(value * 1000) },
  { label: "User", name: "user" },
  { label: "Model", name: "model" },
  { label: "Decision", name: "outcome", show: (value, { checked }) => (value === "semantic" ? badge("good", "served") : badge("plain", checked ? "asked, to compare" : "asked the model")) },
  { label: "Why", name: "reason", show: (value, { guard }) => (guard ? `${value}: ${guard}` : value) },
  { label: "Guard", name: "guard", filed: true },
  { label: "Likeness", name: "similarity", number: true, show: near },
  { label: "Sure", name: "lower", number: true, show: share },
  { label: "Needed", name: "threshold", number: true, show: share },
  { label: "User's word", name: "correct", show: (value) => (value === null ? "–" : value ? badge("good", "right") : badge("bad", "wrong")) },
];

export class Decisions {
  constructor() {
    this.outcome = "";
    this.place = el("div", { class: "stack" });
    this.element = section("decided", "Cache decisions", null, this.place);
  }

  async load(tenant) {
    try {
      this.tenant = tenant;
      [this.state, this.found] = await Promise.all([json("GET", `admin/cache?${new URLSearchParams({ tenant })}`), newest(tenant)]);
      this.show();
    } catch (fault) {
      tell(this.place, fault);
    }
  }

  show() {
    const rows = this.found.filter((each) => !this.outcome || each.outcome === this.outcome);
    const filter = choice("Decisions", [["", "All"], ["semantic", "Served"], ["miss", "Not served"]], this.outcome, (value) => {
      this.outcome = value;
      this.show();
      document.getElementById(`choice-decisions-${value}`)?.focus();
    });
    fill(
      this.place,
      this.standing(),
      ...(this.found.length
        ? [el("div", { class: "pair" }, this.days(), this.models()), filter, table("The newest decisions", HEAD, rows.slice(0, LISTED)), el("div", { class: "behind" }, download(`tidegate-decisions-${this.tenant}`, HEAD, rows))]
        : [soft("Nothing was decided in the last week: the semantic tier is off, or nobody asked.")]),
    );
  }

  standing() {
    const { mode, max_error, threshold, expected_error, labels, requests, index } = this.state;
    const expected = expected_error === null ? "not known yet" : share(expected_error);
    return el(
      "p", { class: "row" },
      badge(mode === "serve" ? "good" : "plain", `Semantic tier: ${MODES[mode]}`),
      badge(index.up ? "good" : "bad", index.up ? `${count(index.entries)} answers to search` : `Index down: ${index.words}`),
      el("span", { class: "soft" }, `At most ${share(max_error)} of requests may be wrong; expected: ${expected}. A hit has to be ${share(threshold)} sure. Learned from ${count(requests)} requests and ${count(labels)} words of users.`),
    );
  }

  days() {
    const today = Math.floor(Date.now() / 1000 / DAY);
    const rows = [6, 5, 4, 3, 2, 1, 0].map((ago) => split("day", today - ago, this.found.filter((each) => Math.floor(each.created_at / DAY) === today - ago)));
    const points = rows.map((row) => ({ ...row, label: DATE.format(row.day * DAY * 1000), title: `${row.served} served, ${row.asked} asked` }));
    for (const row of rows) row.day = new Date(row.day * DAY * 1000).toISOString().slice(0, 10);
    return this.figure("day", rows, columns(points, { label: "Decisions of the last seven days; the table has all figures.", show: compact }));
  }

  models() {
    const names = [...new Set(this.found.map((each) => each.model))].sort();
    const rows = names.map((name) => split("model", name, this.found.filter((each) => each.model === name)));
    return this.figure("model", rows, bars(rows.map((row) => ({ ...row, name: row.model, words: `${row.served} · ${row.asked}`, whole: row.served + row.asked }))));
  }

  figure(by, rows, chart) {
    return figure({
      title: `By ${by}`,
      note: this.found.length < MOST ? "" : `The newest ${MOST}`,
      legend: [["cache", "served from the cache"], ["model", "asked the model"]],
      chart,
      file: `tidegate-decisions-by-${by}-${this.tenant}`,
      head: [{ label: by, name: by }, { label: "Served", name: "served", number: true }, { label: "Asked", name: "asked", number: true }],
      rows,
    });
  }
}

/** How many decisions served an answer, and how many asked a model. */
function split(by, value, decisions) {
  const served = decisions.filter((each) => each.outcome === "semantic").length;
  const asked = decisions.length - served;
  return { [by]: value, served, asked, parts: [{ value: served, kind: "cache" }, { value: asked, kind: "model" }] };
}

/** The newest decisions of a tenant, as many as are read. */
async function newest(tenant) {
  const found = [];
  for (let after = null; found.length < MOST; ) {
    const wish = new URLSearchParams({ tenant, limit: "100", ...(after && { after }) });
    const page = await json("GET", `admin/cache/decisions?${wish}`);
    found.push(...page.data);
    if (!page.has_more) break;
    after = page.next;
  }
  return found;
}
