/** What was used, saved and is left: tiles, limits and charts over what `GET /v1/usage` and `GET /admin/usage` tell. */

import { bar, columns, compact } from "./charts.js";
import { el } from "./dom.js";
import { bars, choice, figure, soft } from "./figures.js";
import { count, dollars, untilWords } from "./format.js";


export const METERS = [["usd_micros", "Cost"], ["tokens", "Tokens"], ["requests", "Requests"]];
const OUTCOMES = { answered: "answered", queued: "from the line", exact: "from the cache", semantic: "by meaning", failed: "failed", refused: "refused" };
const KINDS = ["model", "good", "cache", "warn", "bad", "rest"];
const WINDOWS = { minute: "this minute", day: "today", month: "this month" };
const MONTH = new Intl.DateTimeFormat("en", { month: "short", timeZone: "UTC" });
const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });
const MONTH_OF_YEAR = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });

/** An amount of a meter as people read it. */
export function amount(meter, value) {
  return meter === "usd_micros" ? dollars(value) : count(value);
}

function brief(meter) {
  return (value) => (meter !== "usd_micros" ? compact(value) : value < 1e9 ? dollars(value) : `$${compact(value / 1e6)}`);
}

/** The lines of one kind of subject by their window. */
export function byWindow(lines, subject) {
  return Object.fromEntries(lines.filter((each) => each.subject === subject).map((each) => [each.window, each]));
}

/** The figures of most interest, with what the line has. */
export function tiles(lines, line) {
  const { day, month } = lines;
  const saved = month.saved;
  const share = month.used.requests ? Math.round((100 * saved.requests) / month.used.requests) : 0;
  const held = month.reserved.usd_micros ? `${dollars(month.reserved.usd_micros)} of it reserved by running calls` : "";
  return el(
    "dl", { class: "tiles" },
    tile("Cost this month", dollars(month.used.usd_micros), held || `${dollars(day.used.usd_micros)} today`),
    tile("Tokens this month", compact(month.used.tokens), `${compact(day.used.tokens)} today`),
    tile("Requests this month", compact(month.used.requests), `${count(day.used.requests)} today`),
    tile("Saved by the cache", dollars(saved.usd_micros), `${share}% of requests this month`),
    tile("Waiting in line", count(line.waiting), line.waiting ? `about ${untilWords(line.eta_seconds * 1000)} for one more` : "a model is free at once"),
  );
}

function tile(name, value, more) {
  return el("div", {}, el("dt", {}, name), el("dd", { class: "value" }, value), el("dd", { class: "soft" }, more));
}

/** Every limit, the one that is nearest to its end first, with what is left of it. */
export function limits(lines) {
  const found = lines.flatMap((line) =>
    METERS.filter(([meter]) => line.limit[meter] !== null).map(([meter, words]) => ({ line, meter, words, share: 1 - line.remaining[meter] / line.limit[meter] })));
  if (!found.length) return soft("Nothing limits this key: its plan has no limits.");
  found.sort((one, other) => other.share - one.share);
  return el("ul", { class: "limits" }, ...found.map(limit));
}

function limit({ line, meter, words, share }) {
  const [left, whole] = [line.remaining[meter], line.limit[meter]];
  const kind = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "model";
  const resets = `resets in ${untilWords(line.reset * 1000 - Date.now())}`;
  return el(
    "li", {},
    el("p", {}, el("strong", {}, `${words} of the ${line.subject}`), ` ${WINDOWS[line.window]}`),
    bar([{ value: whole - left, kind }], whole),
    el("p", { class: "ends" },
      el("span", {}, el("strong", {}, amount(meter, left)), ` of ${amount(meter, whole)} left`),
      el("span", { class: "soft" }, share >= 1 ? `used up: ${resets}` : resets)),
  );
}

/** What a subject used in each month of a year, without the months before it began. */
export function months(history, subject, meter, whose = "") {
  const all = history.filter((each) => each.subject === subject && each.window === "month");
  const first = all.findIndex((each) => each.used.requests > 0);
  const told = all.slice(Math.min(first < 0 ? all.length : first, all.length - 6));
  const date = (each) => new Date(each.starts * 1000);
  const words = (METERS.find(([each]) => each === meter) ?? METERS[0])[1];
  const show = (value) => amount(meter, value);
  return figure({
    title: `${words} by month${whose}`,
    chart: first < 0 ? el("p", { class: "soft columns" }, "Nothing was used yet.") : columns(
      told.map((each) => ({
        label: MONTH.format(date(each)),
        title: `${MONTH_OF_YEAR.format(date(each))}: ${show(each.used[meter])}`,
        parts: [{ value: each.used[meter], kind: "model" }],
      })),
      { label: `${words} of the last ${told.length} months; this month ${show(told[told.length - 1].used[meter])}. The table has all figures.`, show: brief(meter) },
    ),
    file: `tidegate-months-${subject}`,
    head: [
      { label: "Month", name: "starts_at", show: (value) => MONTH_OF_YEAR.format(new Date(value)) },
      { label: "Cost", name: "usd_micros", number: true, show: dollars },
      { label: "Tokens", name: "tokens", number: true, show: count },
      { label: "Requests", name: "requests", number: true, show: count },
    ],
    rows: told.map((each) => ({ starts_at: each.starts_at, ...each.used })),
  });
}

/** How much was answered by models and how much by the cache, in the periods of which that is known. */
export function shares(history, subject, meter) {
  const known = history.filter((each) => each.subject === subject && each.saved !== null).reverse();
  const periods = known.map((each, place) => {
    const name = { day: ["Today", "Yesterday"], month: ["This month", "Last month"] }[(each.window)];
    return { ...each, name: name[known.slice(0, place).filter((other) => other.window === each.window).length] };
  });
  const words = { usd_micros: ["spent on models", "saved by the cache"], tokens: ["burned by models", "spared by the cache"], requests: ["answered by models", "answered by the cache"] }[meter];
  const rows = periods.map((each) => {
    const saved = each.saved[meter];
    const models = each.used[meter] - (meter === "requests" ? saved : 0);
    const parts = [{ value: models, kind: "model" }, { value: saved, kind: "cache" }];
    return { name: each.name, words: `${amount(meter, models)} · ${amount(meter, saved)}`, parts, whole: models + saved };
  });
  return figure({
    title: "Models and cache",
    legend: [["model", words[0]], ["cache", words[1]]],
    chart: bars(rows),
    file: `tidegate-cache-${subject}`,
    head: [
      { label: "Period", name: "period" },
      { label: "Begins", name: "starts_at", show: (value) => value.slice(0, 10) },
      { label: "By models", name: "requests_by_models", number: true, show: count },
      { label: "By the cache", name: "requests_by_cache", number: true, show: count },
      { label: "Tokens spared", name: "tokens_saved", number: true, show: count },
      { label: "Spent", name: "usd_micros_spent", number: true, show: dollars },
      { label: "Saved", name: "usd_micros_saved", number: true, show: dollars },
    ],
    rows: periods.map(({ name, starts_at, used, saved }) => ({
      period: name, starts_at, requests_by_models: used.requests - saved.requests, requests_by_cache: saved.requests,
      tokens_saved: saved.tokens, usd_micros_spent: used.usd_micros, usd_micros_saved: saved.usd_micros,
    })),
  });
}

/** What became of a user's turns by day, told apart by outcome or by model. */
export function days(found, meter, by) {
  if (!found.length) return soft("None is over yet.");
  const value = (each) => (meter === "tokens" ? each.input_tokens + each.output_tokens : each[meter === "requests" ? "turns" : meter]);
  const sum = (rows) => rows.reduce((all, each) => all + value(each), 0);
  const of = (name) => sum(found.filter((each) => each[by] === name));
  const names = by === "model" ? [...new Set(found.map((each) => each.model))].sort((one, other) => of(other) - of(one)) : Object.keys(OUTCOMES);
  const place = (each) => Math.min(names.indexOf(each[by]), 5);
  const points = [];
  for (let at = Date.parse(found[0].date); at <= Date.now(); at += 864e5) {
    const rows = found.filter((each) => Date.parse(each.date) === at);
    const label = DAY.format(at);
    points.push({ label, title: `${label}: ${amount(meter, sum(rows))}`, parts: KINDS.map((kind, at) => ({ kind, value: sum(rows.filter((each) => place(each) === at)) })) });
  }
  const title = `${Object.fromEntries(METERS)[meter]} by day`;
  return figure({
    title,
    note: "of the user's turns that are over, at least so many of them refused",
    legend: names.slice(0, 6).map((name, at) => [KINDS[at], OUTCOMES[name] ?? (at < 5 ? name : "other models")]),
    chart: columns(points, { label: `${title}; the table has all figures.`, show: brief(meter) }),
    file: "tidegate-days",
    head: Object.entries(found[0]).map(([name, value]) => ({ name, label: name.replace("usd_micros", "cost").replace("_", " "), ...(typeof value === "number" && { number: true, show: /usd/.test(name) ? dollars : count }) })),
    rows: found,
  });
}

/** The choice of a meter. */
export function meters(chosen, choose) {
  return choice("Show", METERS, chosen, (value) => choose((value)));
}
