/** What an administrator sees and does: targets, a tenant with its users and keys, plans, and the cache's decisions. */

import { json } from "./api.js";
import { Decisions } from "./decisions.js";
import { el, fill } from "./dom.js";
import { badge, download, field, section, table, tell, text } from "./figures.js";
import { untilWords } from "./format.js";
import { Keys } from "./keys.js";
import { Plans } from "./plans.js";

const STATES = { up: ["good", "Up"], resting: ["bad", "Left alone"], probing: ["warn", "Being tried"] };

const TARGETS = [
  { label: "Model", name: "model" },
  { label: "Target", name: "target", show: (value) => el("code", {}, value) },
  { label: "State", name: "state", show: (value) => badge(...STATES[value]) },
  { label: "Why", name: "reason", show: (value) => value || "–" },
  { label: "Tried again in", name: "until", show: (value) => (value ? untilWords(value * 1000 - Date.now()) : "–") },
  { label: "Failures in a row", name: "failures", number: true },
];

export class Administration {
  constructor(tenant) {
    this.tenant = tenant;
    this.health = el("div", { class: "stack" });
    this.alarm = el("div", { role: "alert" });
    this.plans = new Plans();
    this.keys = new Keys(() => this.plans.known);
    this.decisions = new Decisions();
    this.name = text({ value: tenant, required: true });
    this.element = el("div", { class: "administration" }, this.gateway(), this.people(), this.plans.element, this.decisions.element);
  }

  gateway() {
    return section("gateway", "Gateway", null, this.health);
  }

  people() {
    const submit = (event) => {
      event.preventDefault();
      this.tenant = this.name.value.trim();
      this.loadTenant();
    };
    const form = el("form", { class: "inline", role: "search", on: { submit } }, field("Tenant", this.name), el("button", { type: "submit" }, "Show"));
    return section("people", "Tenants and keys", form, this.alarm, this.keys.element);
  }

  /** How the gateway and its targets are. */
  showState(state) {
    const rows = state.targets;
    const up = rows.filter((each) => each.state === "up").length;
    const checks = Object.entries(state.checks).map(([name, said]) => badge(said === "ok" ? "good" : "bad", `${name}: ${said}`));
    fill(
      this.health,
      el("p", { class: "row" }, badge(state.status === "ok" ? "good" : "bad", state.status === "ok" ? "Serving" : "Degraded"), ...checks,
        badge(up === rows.length ? "good" : "warn", `${up} of ${rows.length} targets up`)),
      table("Targets of the models", TARGETS, rows),
      el("div", { class: "behind" }, download("tidegate-targets", TARGETS, rows)),
    );
  }

  async load() {
    await this.plans.load();
    await this.loadTenant();
  }

  async loadTenant() {
    if (!this.tenant) return;
    fill(this.alarm);
    try {
      const [own] = await Promise.all([tenantOf(this.tenant), this.decisions.load(this.tenant)]);
      await this.keys.load(this.tenant, own);
    } catch (fault) {
      tell(this.alarm, fault);
    }
  }
}

/** A tenant's record, an empty one where nobody heard of it. */
async function tenantOf(tenant) {
  try {
    return await json("GET", `admin/tenants/${encodeURIComponent(tenant)}`);
  } catch (fault) {
    if (fault.status === 404) return { tenant, plan: null };
    throw fault;
  }
}
