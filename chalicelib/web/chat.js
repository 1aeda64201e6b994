/** The chat page: sign in, choose or begin a conversation, ask. */

import { Composer } from "./composer.js";
import { Conversations } from "./conversations.js";
import { el, fill, icon, iconButton } from "./dom.js";
import { explain } from "./faults.js";
import { forgetKey } from "./session.js";
import { signIn } from "./signin.js";
import { Thread } from "./thread.js";
import { copyText } from "./answer.js";

const place = document.getElementById("app");
const LEAD = "Enter your API key to chat with the models behind this gateway.";
const STARTS = [
  "Explain how tides come about, in three sentences.",
  "Write a Python function that merges two sorted lists.",
  "Compare trains and planes in a small table.",
];

class Page {
  constructor(models) {
    const chats = models.filter((each) => each.max_output_tokens !== 0 && !each.dimensions);
    this.prices = new Map(models.map((each) => [each.id, each.prices]));
    this.status = el("div", { class: "unseen", role: "status" });
    this.alarm = el("div", { class: "alarm", role: "alert" });
    this.title = el("h1", {}, "New chat");
    this.composer = new Composer(chats, { send: (text) => this.thread.send(text), stop: () => this.thread.stop() });
    this.thread = new Thread({
      made: (conversation) => this.made(conversation),
      busy: (isBusy) => this.composer.busy(isBusy),
      signOut: () => leave(),
      say: (text) => fill(this.status, text),
      wish: () => this.composer.wish(),
      prices: (model) => this.prices.get(model),
      welcome: () => this.welcome(),
    });
    this.conversations = new Conversations({
      open: (id) => this.go(id),
      gone: (id) => id === this.thread.id && this.away(""),
      named: () => this.name(),
      say: (text) => this.warn(text),
    });
    this.element = this.shell();
    this.narrow = matchMedia("(max-width: 48rem)");
    this.over = new AbortController();
    const listen = (event, hear, place = window) => place.addEventListener(event, hear, { signal: this.over.signal });
    listen("hashchange", () => this.follow());
    listen("change", () => this.fold(), this.narrow);
    listen("beforeunload", (event) => this.thread.isBusy && event.preventDefault());
    listen("focus", () => this.thread.isBusy || this.conversations.load().catch(() => {}));
  }

  shell() {
    const rail = (this.rail = el(
      "aside", { class: "rail", id: "rail", "aria-label": "Conversations and account" },
      el("div", { class: "head" },
        el("a", { class: "brand", href: "#" }, icon("tide"), "Tidegate"),
        iconButton("close", "Close the list", () => this.fold(), { class: "quiet bare narrow" })),
      el("button", { class: "new", onclick: () => this.go("") }, icon("plus"), "New chat"),
      this.conversations.element,
      el("div", { class: "foot" },
        el("a", { class: "button quiet", href: "usage" }, icon("chart"), "Usage"),
        el("button", { class: "quiet", onclick: () => leave() }, icon("leave"), "Sign out")),
    ));
    this.opener = iconButton("menu", "Open the list", () => this.unfold(), { class: "quiet bare narrow", "aria-controls": "rail" });
    this.veil = el("div", { class: "veil", hidden: true, onclick: () => this.fold() });
    const main = el(
      "main", { class: "chat" },
      el("header", {}, this.opener, this.title, iconButton("plus", "New chat", () => this.go(""), { class: "quiet bare narrow" })),
      this.thread.element,
      el("div", { class: "dock" }, this.thread.toEnd, this.alarm, this.composer.element),
    );
    const keydown = (event) => event.key === "Escape" && this.fold();
    const skip = el("button", { class: "skip", onclick: () => this.composer.focus() }, "Skip to your question");
    return el("div", { class: "shell", on: { keydown } }, skip, rail, this.veil, main, this.status);
  }

  async begin() {
    this.fold();
    this.follow();
    try {
      await this.conversations.load();
    } catch (fault) {
      this.warn(explain(fault).text);
    }
  }

  welcome() {
    const starts = STARTS.map((text) => el("button", { class: "prompt", onclick: () => this.thread.send(text) }, text));
    return el("div", { class: "welcome" }, icon("tide"), el("h2", {}, "What would you like to know?"), el("div", { class: "starts" }, ...starts));
  }

  /** Show what the address names. */
  async follow() {
    const id = decodeURIComponent(location.hash.slice(1));
    this.fold();
    if (id && id === this.thread.id) return;
    this.conversations.select(id);
    this.name();
    this.warn(this.thread.isBusy ? "The answer that was coming was stopped. What had come is kept." : "");
    if (id) await this.thread.open(id).catch((fault) => this.away(fault.status === 404 ? "That conversation was deleted." : explain(fault).text));
    else this.thread.clear();
    this.composer.focus();
  }

  /** Begin anew in the place of a conversation that is not there. */
  away(why) {
    history.replaceState(null, "", "#");
    this.follow();
    this.warn(why);
  }

  go(id) {
    if (location.hash.slice(1) === id) this.follow();
    else location.hash = id;
  }

  made(conversation) {
    history.pushState(null, "", `#${conversation.id}`);
    this.conversations.add(conversation);
    this.name();
  }

  name() {
    const current = this.conversations.known.find(({ id }) => id === this.conversations.current);
    const title = current?.metadata?.title || (this.conversations.current ? "Conversation" : "New chat");
    this.title.textContent = title;
    document.title = `${title} · Tidegate`;
  }

  warn(text) {
    fill(this.alarm, ...(text ? [el("p", {}, text), iconButton("close", "Dismiss", () => this.warn(""))] : []));
  }

  /** On a narrow screen the list lies over the chat, or is away. */
  unfold() {
    this.rail.inert = false;
    this.rail.classList.add("open");
    this.veil.hidden = false;
    this.rail.querySelector("button")?.focus();
  }

  fold() {
    const wasOpen = this.rail.classList.contains("open");
    this.rail.classList.remove("open");
    this.rail.inert = this.narrow.matches;
    this.veil.hidden = true;
    if (wasOpen) this.opener.focus();
  }

  /** Let go of everything but what was written, which is given. */
  end() {
    const draft = this.thread.pending || this.composer.words.value;
    this.over.abort();
    this.thread.stop();
    return draft;
  }
}

let page = null;

/** Sign out, for whatever reason. */
function leave(why = "") {
  forgetKey();
  const draft = page?.end() ?? "";
  page = null;
  if (!why) history.replaceState(null, "", location.pathname);
  enter(why, why ? draft : "");
}

async function enter(why = "", draft = "") {
  const models = await signIn(place, { lead: LEAD, why });
  page = new Page(models);
  fill(place, page.element);
  page.composer.write(draft);
  await page.begin();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copyText(button, button.closest("figure")?.querySelector("code")?.textContent ?? "");
});
document.addEventListener("signed-out", () => page && leave("This key is no longer good: it has expired or was revoked. Sign in with another one."));
enter();
