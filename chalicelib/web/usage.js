/** The usage page: what a key, its user and its tenant used, and what is left; for an administrator, everybody's. */

import { Administration } from "./administration.js";
import { json } from "./api.js";
import { el, fill, icon, iconButton } from "./dom.js";
import { choice, section, soft, tell } from "./figures.js";
import { forgetKey } from "./session.js";
import { signIn } from "./signin.js";
import { byWindow, days, limits, meters, months, shares, tiles } from "./spending.js";

const place = document.getElementById("app");
const LEAD = "Enter your API key to see what it has used, and what is left.";
const FRESH_MS = 60_000;

/** What the key may see: its own usage, the state of the gateway, or both. Refused both, the first fault is thrown. */
async function look(options = {}) {
  const asked = await Promise.allSettled([json("GET", "v1/usage?history=1", undefined, options), health(options)]);
  const [usage, state] = asked.map((each) => (each.status === "fulfilled" ? each.value : null));
  if (!usage && !state) throw asked[0].status === "rejected" ? asked[0].reason : null;
  return { usage, state };
}

/** How the gateway is, also when it is not well. */
async function health(options) {
  try {
    return await json("GET", "health?deep=1", undefined, options);
  } catch (fault) {
    if (fault.status === 503 && !fault.code) return { status: "degraded", checks: {}, targets: [] };
    throw fault;
  }
}

class Page {
  constructor(seen) {
    this.subject = "user";
    this.meter = "usd_micros";
    this.by = "outcome";
    this.seen = seen;
    this.told = el("p", { class: "soft", role: "status" });
    this.alarm = el("div", { role: "alert" });
    this.own = el("div", { class: "own" });
    this.administration = seen.state ? new Administration(seen.usage?.tenant ?? "") : null;
    this.element = el("div", { class: "page" }, this.bar(), this.main());
  }

  bar() {
    return el(
      "header", { class: "top" },
      el("a", { class: "brand", href: "./" }, icon("tide"), "Tidegate"),
      el("nav", { "aria-label": "Pages" }, el("a", { class: "button quiet", href: "./" }, "Chat"), el("a", { class: "button quiet", href: "usage", "aria-current": "page" }, "Usage")),
      el("span", { class: "spring" }),
      iconButton("again", "Refresh", () => this.refresh()),
      el("button", { type: "button", class: "quiet", on: { click: () => leave() } }, icon("leave"), "Sign out"),
    );
  }

  main() {
    const { usage } = this.seen;
    const whose = usage ? `${usage.user} of ${usage.tenant}, plan ${usage.plan}` : "administrator";
    return el(
      "main", {},
      el("div", { class: "lead" }, el("h1", { tabIndex: -1 }, "Usage"), el("p", {}, whose), this.told),
      this.alarm,
      usage && this.own,
      this.administration?.element,
    );
  }

  show() {
    const { usage, state } = this.seen;
    this.told.textContent = `As of ${new Date().toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit" })}. Days and months are those of UTC.`;
    if (usage) this.showOwn(usage);
    this.administration?.showState(state);
  }

  showOwn(usage) {
    const subjects = choice("Of", [["key", "This key"], ["user", "The user"], ["tenant", "The tenant"]], this.subject, (value) => this.change({ subject: value }));
    const lines = byWindow(usage.data, this.subject);
    fill(
      this.own,
      section("spent", "Spending", subjects, tiles(lines, usage.line)),
      section("time", "Over time", meters(this.meter, (meter) => this.change({ meter })),
        el("div", { class: "pair" }, months(usage.history, this.subject, this.meter), shares(usage.history, this.subject, this.meter))),
      section("days", "Day by day", choice("By", [["outcome", "By outcome"], ["model", "By model"]], this.by, (by) => this.change({ by })),
        days(usage.days, this.meter, this.by)),
      section("limits", "Limits", soft("of the key, its user and its tenant"), limits(usage.data)),
    );
  }

  /** Show something else, and leave the focus where it was. */
  change(wish) {
    Object.assign(this, wish);
    const focused = document.activeElement?.id;
    this.show();
    if (focused) document.getElementById(focused)?.focus();
  }

  async refresh() {
    try {
      this.seen = await look();
      fill(this.alarm);
      this.change({});
      await this.administration?.load();
    } catch (fault) {
      tell(this.alarm, fault);
    }
  }
}

function leave(why = "") {
  forgetKey();
  begin(why);
}

let page = null;

async function begin(why = "") {
  page = null;
  const seen = await signIn(place, { lead: LEAD, why, attempt: look });
  page = new Page(seen);
  fill(place, page.element);
  page.show();
  (page.element.querySelector("h1")).focus();
  await page.administration?.load();
}

setInterval(() => {
  const busy = document.querySelector("dialog, details[open]") || document.activeElement?.matches("input:not([type=radio]), select");
  if (page && !document.hidden && !busy) page.refresh();
}, FRESH_MS);
document.addEventListener("signed-out", () => page && leave("The key is no longer good. Sign in with another one."));
begin();
