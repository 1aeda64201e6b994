/** One answer on the page: how it comes, what it says, and the line that tells where it is from. */

import { json } from "./api.js";
import { el, fill, icon, iconButton, relabel } from "./dom.js";
import { explain, waiting } from "./faults.js";
import { cost, count, dollars, seconds, untilWords } from "./format.js";
import { Prose } from "./prose.js";

const DRAW_MS = 40;
const LATE_MS = 10_000; // that a line may take longer than it said at first

/** An answer that is shown while it comes. `on` is asked to ask again, or to sign out. */
export class Answer {
  constructor(on) {
    this.on = on;
    this.text = "";
    this.thoughts = "";
    this.head = {};
    this.usage = null;
    this.began = performance.now();
    this.drawnAt = 0;
    this.prose = new Prose();
    this.state = el("div", { class: "state" });
    this.notes = el("div", { class: "notes" });
    this.foot = el("footer", {});
    this.reasoning = el("details", { class: "thoughts", hidden: true }, el("summary", {}, "Reasoning"), el("p"));
    this.element = el("article", { class: "answer", "aria-label": "Answer" }, this.state, this.reasoning, this.prose.element, this.notes, this.foot);
  }

  /** An answer from before, with what the conversation's item says of it. */
  static past(text, { status, tidegate }, on) {
    const made = new Answer(on);
    made.text = text;
    made.draw();
    if (status === "incomplete") made.note("Stopped", text ? "This answer is not whole." : "Nothing was said.");
    if (tidegate) made.from(tidegate);
    made.actions();
    return made;
  }

  /** Show what is remembered of where it is from. */
  from({ usage, ...head }) {
    this.head = { ...this.head, ...head };
    if (usage) {
      const { input_tokens: prompt_tokens = 0, output_tokens: completion_tokens = 0, cached_input_tokens: cached_tokens } = usage;
      this.usage = { prompt_tokens, completion_tokens, prompt_tokens_details: { cached_tokens } };
    }
    this.foot.prepend(...this.facts());
  }

  begin() {
    this.element.setAttribute("aria-busy", "true");
    this.say("Thinking", true);
  }

  /** Take a piece of what comes. */
  take(piece) {
    switch (piece.kind) {
      case "head":
        this.head = { ...this.head, ...piece };
        break;
      case "line":
        this.due ??= Date.now() + piece.eta * 1000 + LATE_MS;
        this.say(piece.position ? `${place(piece.position)} in line, ${this.left(piece.eta)}` : "Waiting in line", true);
        break;
      case "link":
        this.say(piece.isUp ? "" : "The connection dropped. Reconnecting", !piece.isUp);
        break;
      case "thought":
        this.think(piece.text);
        break;
      case "text":
      case "refusal":
        this.first ??= performance.now();
        this.text += piece.text;
        this.say("");
        this.drawSoon();
        break;
      case "usage":
        this.usage = piece.usage;
        break;
      case "end":
        this.reason = piece.reason;
    }
  }

  /** How long the line takes, unless it takes longer than it said at first. */
  left(eta) {
    return Date.now() > this.due ? "longer than expected" : `about ${untilWords(eta * 1000)} to go`;
  }

  think(text) {
    this.thoughts += text;
    this.reasoning.hidden = false;
    this.reasoning.lastElementChild.textContent = this.thoughts;
  }

  /** It is whole. */
  done() {
    this.close();
    if (this.reason === "length") this.note("Cut off", "The answer reached the most that the model may write.");
    if (this.reason === "content_filter") this.note("Held back", "The model's filter stopped the answer.");
    this.foot.append(...this.facts());
    this.actions();
  }

  /** Whoever asked stopped it. */
  stopped() {
    this.close();
    this.note("Stopped", this.text ? "What had come is kept, and charged." : "Nothing had come yet.");
    this.actions();
  }

  /** It failed, or broke off. */
  failed(fault) {
    this.close();
    const told = explain(fault);
    const words = el("p", {}, told.text, this.text ? " What had come is kept, and charged." : "");
    const buttons = el("div", { class: "row" });
    if (told.signOut) buttons.append(el("button", { onclick: this.on.signOut }, "Sign in again"));
    else if (told.again) buttons.append(el("button", { onclick: () => this.on.again(false) }, icon("again"), "Try again"));
    const wait = el("p", { class: "wait" });
    const children = [el("strong", {}, told.title), words, ...(told.until ? [wait] : []), ...(buttons.children.length ? [buttons] : [])];
    this.notes.append(el("div", { class: told.until ? "note warn" : "note bad", role: "alert" }, ...children));
    if (told.until) this.countDown(wait, told);
    if (this.text) this.actions();
  }

  countDown(place, { until, wait }) {
    const tick = () => {
      place.textContent = waiting(until, wait);
      if (until > Date.now() && this.element.isConnected) setTimeout(tick, 1_000);
    };
    tick();
  }

  close() {
    clearTimeout(this.drawing);
    this.draw();
    this.say("");
    this.element.removeAttribute("aria-busy");
    this.took = performance.now() - this.began;
  }

  say(text, isBusy = false) {
    fill(this.state, ...(text ? [text] : []));
    this.state.classList.toggle("busy", isBusy);
  }

  note(title, text) {
    this.notes.append(el("p", { class: "soft aside" }, el("strong", {}, title), " ", text));
  }

  /** Draw at most so often that the page stays quick, however long the answer is. */
  drawSoon() {
    if (this.drawing) return;
    const since = performance.now() - this.drawnAt;
    this.drawing = setTimeout(() => this.draw(), Math.max(0, Math.max(DRAW_MS, (this.drawCost ?? 0) * 4) - since));
  }

  draw() {
    const from = performance.now();
    this.drawing = undefined;
    this.prose.show(this.text);
    this.drawnAt = performance.now();
    this.drawCost = this.drawnAt - from;
    this.element.dispatchEvent(new Event("drawn", { bubbles: true }));
  }

  facts() {
    const { model, target, cache, similarity, question } = this.head;
    const isCached = cache === "hit" || cache === "semantic";
    const facts = el("ul", { class: "facts", "aria-label": "About this answer" });
    const add = (text, title = "", kind = "") => facts.append(el("li", { title, class: kind }, text));
    if (cache === "hit") add("From the cache", "The same question was answered before", "good");
    if (cache === "semantic") add(`From the cache, ${((similarity ?? 0) * 100).toFixed(1)} % alike`, "A question that asks the same was answered before", "good");
    if (model) add(model, "Model");
    if (target && target !== model) add(target, "Target that answered");
    if (this.usage) this.addUsage(add, isCached);
    else if (isCached) add("$0", "The cache costs nothing");
    if (this.took) add(seconds(this.took), this.first ? `First words after ${seconds(this.first - this.began)}` : "Time");
    const asked = question && el("p", { class: "asked" }, `Answered before for: “${question}”`);
    return [...(asked ? [asked] : []), facts, ...(cache === "semantic" ? [this.feedback()] : [])];
  }

  addUsage(add, isCached) {
    const { prompt_tokens, completion_tokens } = this.usage;
    add(`${count(prompt_tokens + completion_tokens)} tokens`, `${count(prompt_tokens)} read, ${count(completion_tokens)} written`);
    const prices = this.on.prices(this.head.model);
    if (!prices) return;
    const price = dollars(cost(prices, this.usage));
    if (isCached) add("$0", `The cache spared ${price}`);
    else add(price, "By the model's list price");
  }

  feedback() {
    const place = el("div", { class: "feedback", role: "status" });
    const wrong = el("button", { class: "quiet", onclick: () => this.sayWrong(place, wrong) }, icon("flag"), "Wrong answer?");
    return fill(place, wrong);
  }

  async sayWrong(place, button) {
    button.disabled = true;
    try {
      await json("POST", "v1/cache/feedback", { id: this.head.id, correct: false });
      const fresh = el("button", { class: "quiet", onclick: () => this.on.again(true) }, "Ask the model");
      fill(place, el("span", {}, "Thank you. It will not be served for this question again."), fresh);
      fresh.focus();
    } catch (fault) {
      fill(place, el("span", {}, fault.status === 404 ? "That can be said for a week, and no longer." : explain(fault).text), button);
      button.disabled = false;
    }
  }

  actions() {
    const copy = iconButton("copy", "Copy answer", () => copyText(copy, this.text));
    const again = iconButton("again", "Ask again", () => this.on.again(true), { class: "quiet bare last" });
    this.foot.append(el("div", { class: "actions" }, ...(this.text ? [copy] : []), again));
  }
}

/** Put a text into the clipboard, and say so on the button for a moment. */
export async function copyText(button, text) {
  const label = button.title;
  try {
    await navigator.clipboard.writeText(text);
    relabel(button, "done", "Copied");
  } catch {
    relabel(button, "close", "The browser does not allow copying");
  }
  setTimeout(() => relabel(button, "copy", label), 1_600);
}

function place(position) {
  return position === 1 ? "Next" : `Number ${position}`;
}
