/** The list of one's conversations: found, renamed and deleted. */

import { json, pages } from "./api.js";
import { confirmed, el, fill, icon, iconButton } from "./dom.js";
import { explain } from "./faults.js";
import { age } from "./format.js";

const MOST_NAME = 120;

/** Conversations, newest first; `on` is told which is wanted, renamed or gone, and what went wrong. */
export class Conversations {
  constructor(on) {
    this.on = on;
    this.known = [];
    this.current = "";
    this.isWhole = false;
    this.search = el("input", { type: "search", placeholder: "Search titles", "aria-label": "Search conversations", oninput: () => this.find() });
    this.list = el("nav", { class: "list", "aria-label": "Conversations" });
    this.element = el("div", { class: "conversations" }, el("div", { class: "search" }, icon("search"), this.search), this.list);
  }

  /** Load the newest, anew where another tab changed some; not under somebody who is renaming one. */
  async load() {
    if (this.list.querySelector("input")) return;
    const old = this.known;
    this.rest = pages("v1/conversations");
    await this.loadMore(() => this.known.filter((each) => !old.includes(each)));
    this.on.named();
  }

  async loadMore(kept = () => this.known) {
    const { value = [], done } = await this.rest.next();
    this.known = joined(kept(), value);
    this.isWhole = Boolean(done) || value.length < 100;
    this.show();
  }

  /** What is searched for may be in pages that were not loaded yet. */
  async find() {
    this.show();
    const text = this.search.value;
    while (text && !this.isWhole && this.search.value === text) await this.loadMore();
  }

  /** Put a new one, which a list may have brought, on top. */
  add(conversation) {
    this.known = joined([conversation], this.known);
    this.select(conversation.id);
  }

  select(id) {
    this.current = id;
    this.show();
  }

  show() {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.known.filter((each) => nameOf(each).toLowerCase().includes(wanted));
    const parts = [...Map.groupBy(found, (each) => age(each.created_at))].map(([name, members]) =>
      el("section", {}, el("h2", {}, name), el("ul", {}, ...members.map((each) => this.row(each)))));
    if (!found.length) parts.push(el("p", { class: "soft empty" }, wanted ? "Nothing found." : "Your conversations will be listed here."));
    if (!this.isWhole && !wanted) parts.push(el("button", { class: "quiet", onclick: () => this.loadMore() }, "Show more"));
    const focused = this.list.querySelector(":focus")?.dataset.id;
    fill(this.list, ...parts);
    if (focused) this.focus(focused);
  }

  focus(id) {
    this.list.querySelector(`[data-id="${CSS.escape(id)}"]`)?.focus();
  }

  row(each) {
    const isCurrent = each.id === this.current;
    const stop = { tabIndex: isCurrent ? 0 : -1 }; // of Tab: one for each of the others is enough
    const open = el(
      "button", { class: "quiet name", "data-id": each.id, "aria-current": isCurrent ? "true" : null, onclick: () => this.on.open(each.id) },
      el("span", {}, nameOf(each)),
    );
    const item = el("li", { class: isCurrent ? "current" : "" }, open);
    item.append(
      iconButton("edit", `Rename ${nameOf(each)}`, () => this.rename(each, item), stop),
      iconButton("bin", `Delete ${nameOf(each)}`, () => this.askToDelete(each), stop),
    );
    return item;
  }

  rename(each, item) {
    const name = el("input", { value: nameOf(each), maxLength: MOST_NAME, "aria-label": "New name" });
    let isOver = false;
    const close = async (keep, byKey = true) => {
      if (isOver) return;
      isOver = true;
      const title = name.value.trim();
      if (keep && title && title !== nameOf(each)) await this.update(each, title);
      this.show();
      if (byKey) this.focus(each.id);
    };
    name.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) close(true);
      if (event.key === "Escape") close(false);
    });
    name.addEventListener("blur", () => close(true, false));
    fill(item, name);
    name.focus();
    name.select();
  }

  async update(each, title) {
    const before = each.metadata;
    each.metadata = { ...before, title };
    try {
      await json("POST", `v1/conversations/${encodeURIComponent(each.id)}`, { metadata: each.metadata });
      this.on.named();
    } catch (fault) {
      each.metadata = before;
      this.on.say(explain(fault).text);
    }
  }

  async askToDelete(each) {
    const words = `“${nameOf(each)}” and all that was said in it are removed for good.`;
    if ((await confirmed("Delete this conversation?", words, "Delete", "Keep it")) !== "yes") return;
    try {
      await json("DELETE", `v1/conversations/${encodeURIComponent(each.id)}`);
    } catch (fault) {
      if (fault.status !== 404) return this.on.say(explain(fault).text);
    }
    this.known = this.known.filter(({ id }) => id !== each.id);
    this.show();
    this.search.focus();
    this.on.gone(each.id);
  }
}

/** Both, each once. */
const joined = (first, then) => [...first, ...then.filter((each) => !first.some(({ id }) => id === each.id))];

function nameOf(conversation) {
  return conversation.metadata?.title || `Conversation of ${new Date(conversation.created_at * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}`;
}
