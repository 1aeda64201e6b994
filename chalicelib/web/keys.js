/** A tenant's users and keys, what each used, and what is done with them. */

import { json } from "./api.js";
import { el, fill } from "./dom.js";
import { act, ask, badge, button, download, field, select, soft, table, text } from "./figures.js";
import { count, dollars } from "./format.js";
import { byWindow, months } from "./spending.js";

const HOUR = 3600;
const STATUS = { active: "good", expired: "warn", revoked: "plain" };

export class Keys {
  constructor(plans) {
    this.plans = plans;
    this.element = el("div", { class: "stack" });
    this.tenant = "";
    this.user = "";
    this.head = [
      { label: "Key", name: "id", show: (id, { name }) => [el("span", {}, name || "unnamed"), el("code", { class: "soft tail", title: id }, `…${id.slice(-8)}`)] },
      { label: "Name", name: "name", filed: true },
      { label: "User", name: "user" },
      { label: "Plan", name: "plan" },
      { label: "Status", name: "status", show: (value) => badge(STATUS[value], value) },
      { label: "Requests", name: "requests", number: true, show: count },
      { label: "Tokens", name: "tokens", number: true, show: count },
      { label: "Cost", name: "usd_micros", number: true, show: dollars },
      { label: "Actions", show: (_, key) => (key.status === "active" ? this.actions(key) : "") },
    ];
  }

  async load(tenant, own) {
    if (tenant !== this.tenant) this.user = "";
    this.tenant = tenant;
    this.own = own;
    this.told = await this.page("");
    this.show();
  }

  page(after) {
    const wish = new URLSearchParams({ tenant: this.tenant, limit: "50", history: "1", ...(this.user && { user: this.user }), ...(after && { after }) });
    return json("GET", `admin/usage?${wish}`);
  }

  async more() {
    const next = await this.page(this.told.next);
    this.told = { ...next, data: [...this.told.data, ...next.data] };
    this.show();
  }

  show() {
    const rows = this.told.data.map((each) => ({ ...each, ...byWindow(each.usage, "key").month.used }));
    fill(
      this.element,
      this.tools(),
      months(this.told.history, this.user ? "user" : "tenant", "usd_micros", ` of ${this.user || this.tenant}`),
      rows.length ? table(`Keys of ${this.tenant}`, this.head, rows) : soft("Nobody has a key here yet."),
      el("div", { class: "behind" }, this.told.has_more && button("Show more keys", () => this.more()), download(`tidegate-keys-${this.tenant}`, this.head, rows)),
    );
  }

  /** What is done with the tenant as a whole. */
  tools() {
    const user = text({ value: this.user, placeholder: "all users" });
    const submit = async (event) => {
      event.preventDefault();
      this.user = user.value.trim();
      await this.load(this.tenant, this.own);
    };
    const { waiting } = this.told.line;
    return el(
      "div", { class: "tools" },
      el("form", { class: "inline", on: { submit } }, field("User", user), el("button", { type: "submit" }, "Filter")),
      soft(`${waiting} waiting in line · tenant's own plan: ${this.own.plan ?? "none"}`),
      el("span", { class: "spring" }),
      button("Change plan", () => this.changePlan()),
      button("New key", () => this.make(), "primary", "plus"),
    );
  }

  actions(key) {
    const whose = `${key.name || `…${key.id.slice(-8)}`} of ${key.user}`;
    return el("span", { class: "row" }, act("Rotate", whose, () => this.rotate(key)), act("Revoke", whose, () => this.revoke(key), "danger"));
  }

  again() {
    return this.load(this.tenant, this.own);
  }

  make() {
    const user = text({ required: true, value: this.user });
    const name = text({ maxLength: 200 });
    const plan = select(this.plans().map((each) => [each.name, each.name]), "standard");
    const scopes = select([["chat", "Chat"], ["chat,admin", "Chat and administration"], ["admin", "Administration only"]]);
    const days = el("input", { type: "number", min: 1, max: 3650, placeholder: "never" });
    ask({
      title: `New key for ${this.tenant}`,
      action: "Make the key",
      fields: [field("User", user), field("Name", name, "A note for people."), field("Plan", plan), field("May be used for", scopes), field("Expires after days", days)],
      send: async () => {
        const expires_at = days.value ? Math.floor(Date.now() / 1000) + Number(days.value) * 24 * HOUR : null;
        const body = { tenant: this.tenant, user: user.value.trim(), plan: plan.value, scopes: scopes.value.split(","), name: name.value.trim(), expires_at };
        return this.shown(await json("POST", "admin/keys", body));
      },
    });
  }

  rotate(key) {
    const overlap = select([[String(HOUR), "An hour"], [String(24 * HOUR), "A day"], ["0", "Not at all"]]);
    ask({
      title: `Rotate the key of ${key.user}`,
      action: "Rotate",
      fields: [soft("A new key takes its place, with the same plan, scopes and expiry."), field("The old key stays good for", overlap)],
      send: async () => this.shown(await json("POST", `admin/keys/${key.id}/rotate`, { overlap_seconds: Number(overlap.value) })),
    });
  }

  revoke(key) {
    ask({
      title: `Revoke the key of ${key.user}?`,
      action: "Revoke for good",
      danger: true,
      fields: [el("p", {}, `${key.name || `The key …${key.id.slice(-8)}`} stops working with its next call, and its connections end. There is no way back.`)],
      send: async () => {
        await json("DELETE", `admin/keys/${key.id}`);
        await this.again();
      },
    });
  }

  changePlan() {
    const plan = select([["", "None: what its keys' plans allow"], ...this.plans().map((each) => [each.name, each.name])], this.own.plan ?? "");
    ask({
      title: `Plan of ${this.tenant}`,
      action: "Give this plan",
      fields: [field("The tenant's own plan", plan, "It holds for every key of the tenant, beside the key's own plan.")],
      send: async () => {
        this.own = await json("POST", `admin/tenants/${encodeURIComponent(this.tenant)}`, { plan: plan.value || null });
        await this.again();
      },
    });
  }

  /** A token, which is told this once. */
  async shown(made) {
    await this.again();
    const token = el("input", { type: "text", readOnly: true, value: made.key, class: "token" });
    const done = el("span", { role: "status" });
    const copy = async () => {
      token.select();
      await navigator.clipboard.writeText(made.key).then(() => fill(done, "Copied."), () => fill(done, "Press Ctrl+C to copy it."));
    };
    return el("div", { class: "stack" }, field("API key", token, "It is shown this once. Whoever has it can use it."), el("p", { class: "row" }, button("Copy", copy, null, "copy"), done));
  }
}
