/** The plans: what keys may use, as a table and a form. */

import { json } from "./api.js";
import { el, fill, iconButton } from "./dom.js";
import { act, ask, button, download, field, section, select, table, tell, text } from "./figures.js";
import { count, dollars } from "./format.js";

const SUBJECTS = ["key", "user", "tenant"].map((each) => [each, each]);
const WINDOWS = ["minute", "day", "month"].map((each) => [each, each]);

export class Plans {
  constructor() {
    this.known = [];
    this.place = el("div", { class: "stack" });
    const make = button("New plan", () => this.edit(null), null, "plus");
    this.element = section("plans", "Plans", make, this.place);
  }

  async load() {
    try {
      this.known = (await json("GET", "admin/plans")).data;
      this.show();
    } catch (fault) {
      tell(this.place, fault);
    }
  }

  show() {
    const rows = this.known.map((plan) => ({ ...plan, said: plan.limits.map(words).join("; ") }));
    const head = [
      { label: "Plan", name: "name", show: (value) => el("strong", {}, value) },
      { label: "Limits", name: "said", show: (_, { limits }) => (limits.length ? el("ul", { class: "plain-list" }, ...limits.map((each) => el("li", {}, words(each)))) : "none") },
      { label: "At once", name: "concurrent", number: true, show: (value) => value ?? "any" },
      { label: "Models", name: "models", show: (value) => value?.join(", ") ?? "all" },
      { label: "Actions", show: (_, { said, ...plan }) => this.actions(plan) },
    ];
    fill(this.place, table("Plans and their limits", head, rows), el("div", { class: "behind" }, download("tidegate-plans", head, rows)));
  }

  actions(plan) {
    const whose = `plan ${plan.name}`;
    return el("span", { class: "row" }, act("Edit", whose, () => this.edit(plan)), act("Delete", whose, () => this.drop(plan), "danger"));
  }

  drop(plan) {
    ask({
      title: `Delete the plan ${plan.name}?`,
      action: "Delete",
      danger: true,
      fields: [el("p", {}, "A plan that a tenant or a good key has stays.")],
      send: async () => {
        await json("DELETE", `admin/plans/${encodeURIComponent(plan.name)}`);
        await this.load();
      },
    });
  }

  /** A form for a plan; what it does not show of a plan stays as it is. */
  edit(plan) {
    const name = text({ required: true, maxLength: 64, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*", value: plan?.name ?? "", readOnly: !!plan });
    const concurrent = el("input", { type: "number", min: 0, value: plan?.concurrent ?? "", placeholder: "any number" });
    const models = text({ maxLength: 2000, value: plan?.models?.join(", ") ?? "", placeholder: "all models" });
    const rows = el("div", { class: "stack" });
    const add = (limit) => rows.append(limitFields(limit));
    for (const each of plan?.limits ?? [{ subject: "user", window: "day" }]) add(each);
    const more = button("Add a limit", () => add({ subject: "user", window: "month" }), "quiet small", "plus");
    ask({
      title: plan ? `Plan ${plan.name}` : "New plan",
      action: "Save",
      fields: [field("Name", name), el("fieldset", { class: "limits-form" }, el("legend", {}, "Limits"), rows, more), field("Requests of a key at once", concurrent), field("Models", models, "Ids or aliases, with commas between; empty allows all.")],
      send: async () => {
        const { object: _, ...rest } = plan ?? {};
        if (!plan && this.known.some((each) => each.name === name.value)) throw new Error("There is such a plan: edit it.");
        const listed = models.value.split(",").map((each) => each.trim()).filter(Boolean);
        await json("POST", "admin/plans", {
          ...rest, name: name.value.trim(), limits: [...rows.children].map(limitOf).filter(Boolean),
          concurrent: concurrent.value === "" ? null : Number(concurrent.value), models: listed.length ? listed : null,
        });
        await this.load();
      },
    });
  }
}

/** A limit in words. */
function words(limit) {
  const parts = [
    limit.requests && `${count(limit.requests)} request${limit.requests > 1 ? "s" : ""}`, limit.tokens && `${count(limit.tokens)} tokens`, limit.usd_micros && dollars(limit.usd_micros),
  ].filter(Boolean);
  return `${parts.join(", ")} a ${limit.window} of the ${limit.subject}`;
}

function limitFields(limit) {
  const label = (input, text) => Object.assign(input, { ariaLabel: text });
  const number = (name, text, value, step = "1") =>
    label(el("input", { type: "number", min: 0, step, name, value: value ?? "", placeholder: text }), text);
  const row = el(
    "div", { class: "limit" },
    label(select(SUBJECTS, limit.subject), "Of the"), label(select(WINDOWS, limit.window), "In a"),
    number("requests", "Requests", limit.requests), number("tokens", "Tokens", limit.tokens), number("usd", "Dollars", limit.usd_micros && limit.usd_micros / 1e6, "any"),
    iconButton("bin", "Remove the limit", () => row.remove()),
  );
  return row;
}

function limitOf(row) {
  const [subject, window] = [...row.querySelectorAll("select")].map((each) => each.value);
  const [requests, tokens, usd] = [...row.querySelectorAll("input")].map((each) => (each.value === "" ? null : Number(each.value)));
  const limit = { subject, window, requests, tokens, usd_micros: usd === null ? null : Math.round(usd * 1e6) };
  return requests || tokens || usd ? Object.fromEntries(Object.entries(limit).filter(([, value]) => value !== null)) : null;
}
