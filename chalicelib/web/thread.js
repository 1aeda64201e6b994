/** The conversation that is open: its questions and answers, and asking on. */

import { Answer } from "./answer.js";
import { Stopped, ask } from "./ask.js";
import { json, pages } from "./api.js";
import { confirmed, el, fill, icon } from "./dom.js";
import { explain } from "./faults.js";
import { Question } from "./question.js";

const NEAR_PX = 80;
const MOST_TITLE = 60;
const LOOKS_MS = [300, 1_000, 3_000]; // before a turn that was stopped is looked for

/** What is said in one conversation; `on` is told of a new one, of asking and of being signed out. */
export class Thread {
  constructor(on) {
    this.on = on;
    this.id = "";
    this.views = [];
    this.asking = null;
    this.unanswered = new Map(); // the last question of a conversation
    this.list = el("div", { class: "said" });
    this.element = el("section", { class: "log", "aria-label": "Conversation", tabIndex: 0 }, this.list);
    this.toEnd = el("button", { class: "to-end", hidden: true, "aria-label": "Go to the end", onclick: () => this.end() }, icon("down"));
    this.isAtEnd = true;
    this.element.addEventListener("scroll", () => this.look());
    this.element.addEventListener("drawn", () => this.follow());
    this.clear();
  }

  get isBusy() {
    return this.asking !== null;
  }

  get path() {
    return `v1/conversations/${encodeURIComponent(this.id)}/items`;
  }

  /** Begin a new conversation; it is made when something is asked. */
  clear() {
    this.stop();
    this.id = "";
    this.views = [];
    fill(this.list, this.on.welcome());
    this.toEnd.hidden = true;
  }

  /** Show a conversation from its newest words on. */
  async open(id) {
    this.clear();
    this.id = id;
    fill(this.list, el("p", { class: "soft loading", role: "status" }, "Loading…"));
    const older = pages(this.path);
    const first = (await older.next()).value ?? [];
    if (this.id !== id) return;
    fill(this.list);
    this.more = el("button", { class: "quiet more", onclick: () => this.earlier(older, id) }, "Show earlier messages");
    this.add(first);
    if (first.length === 100) this.list.prepend(this.more);
    const { text, fault } = this.unanswered.get(id) ?? {};
    if (fault && text !== this.asked(this.views.length)?.text) this.fail(...this.pair(text), fault);
    if (!this.views.length) fill(this.list, this.on.welcome());
    this.end();
  }

  /** A question and the place of its answer, at the end. */
  pair(text) {
    const made = [this.question(text), this.track(new Answer(this.answering()))];
    this.views.push(...made);
    this.list.append(...made.map((each) => each.element));
    return made;
  }

  /** The last question before a place. */
  asked(place) {
    return this.views.slice(0, place).findLast((each) => each instanceof Question);
  }

  async earlier(older, id) {
    const { value, done } = await older.next();
    if (this.id !== id) return;
    this.more.remove();
    if (done) return;
    const height = this.element.scrollHeight;
    this.add(value);
    if (value.length === 100) this.list.prepend(this.more);
    this.element.scrollTop += this.element.scrollHeight - height;
  }

  /** Put items, the newest first, before what is shown. */
  add(items) {
    const views = items.map((each) => this.past(each)).reverse();
    this.views = [...views, ...this.views];
    this.list.prepend(...views.map((each) => each.element));
  }

  past(item) {
    const text = textOf(item);
    if (item.type !== "message") return aside(`${item.type === "function_call" ? "Tool call" : "Tool result"}: ${item.name ?? ""} ${item.arguments ?? item.output ?? ""}`);
    if (item.role === "user") return this.question(text);
    if (item.role === "assistant") return this.track(Answer.past(text, item, this.answering()));
    return aside(`Instructions: ${text}`);
  }

  question(text) {
    const made = new Question(text, (words) => this.replace(made, words, words === made.text));
    return made;
  }

  /** What an answer asks for: the question before it, once more. */
  answering() {
    const on = { again: (fresh) => this.askAgain(on.answer, fresh), signOut: this.on.signOut, prices: this.on.prices };
    return on;
  }

  /** Ask, and show what comes. */
  async send(text, { fresh = false } = {}) {
    if (this.isBusy) return;
    if (!this.views.length) fill(this.list);
    this.unanswered.delete(this.id);
    const [question, answer] = this.pair(text);
    const asking = (this.asking = new AbortController());
    this.on.busy(true);
    this.end();
    answer.begin();
    try {
      await this.hear(answer, text, fresh, asking.signal);
      answer.done();
      this.on.say("The answer is complete.");
    } catch (fault) {
      this.failed(question, answer, fault);
    } finally {
      if (this.asking === asking) this.rest();
      this.follow();
    }
  }

  async hear(answer, text, fresh, signal) {
    const { model, overSocket } = this.on.wish();
    if (!this.id) await this.make(text, signal);
    const request = { model, messages: [{ role: "user", content: text }], conversation: this.id, ...(fresh ? { cache: { "no-cache": true } } : {}) };
    for await (const piece of ask(request, { signal, overSocket })) answer.take(piece);
  }

  async make(text, signal) {
    const title = titleOf(text);
    const made = await json("POST", "v1/conversations", { metadata: { title } }, { signal });
    this.id = made.id;
    this.on.made(made);
  }

  failed(question, answer, fault) {
    if (fault instanceof Stopped || fault?.name === "AbortError") {
      answer.stopped();
      this.on.say("Stopped.");
      this.account(answer);
    } else {
      fault.model = this.on.wish().model;
      this.fail(question, answer, fault);
      this.on.say(explain(fault).title);
    }
  }

  /** Show why a question has no whole answer; one that has none at all is kept, to be asked again. */
  fail(question, answer, fault) {
    if (!answer.text) {
      question.isRefused = fault.status >= 400 && fault.status < 500; // and so it is in no conversation
      this.unanswered.set(this.id, { text: question.text, fault });
    }
    answer.failed(fault);
  }

  /** Show what a stopped answer burned, once its turn has ended. */
  async account(answer) {
    const path = `${this.path}?limit=1`;
    for (const millis of LOOKS_MS) {
      await new Promise((done) => setTimeout(done, millis));
      if (!answer.head.id || !answer.element.isConnected) return;
      const [newest] = (await json("GET", path).catch(() => ({ data: [] }))).data;
      if (newest?.tidegate?.id === answer.head.id) return answer.from(newest.tidegate);
    }
  }

  rest() {
    this.asking = null;
    this.on.busy(false);
  }

  /** The words that were asked and have no answer yet. */
  get pending() {
    return this.isBusy ? (this.views.at(-2)?.text ?? "") : "";
  }

  /** Stop the answer that is coming. */
  stop() {
    this.asking?.abort();
  }

  askAgain(answer, fresh) {
    const question = this.asked(this.views.indexOf(answer));
    if (question) this.replace(question, question.text, fresh);
  }

  /** Take back a question with all that came after it, and ask another. */
  async replace(question, text, fresh) {
    const place = this.views.indexOf(question);
    const isLast = question === this.asked(this.views.length);
    const words = "The questions that came after this one, and their answers, are removed for good.";
    if (this.isBusy || !(isLast || (await confirmed("Ask again from here?", words, "Remove and ask")) === "yes")) return;
    this.on.busy(true);
    try {
      if (this.id) await this.forget(place);
    } catch (fault) {
      this.on.say(explain(fault).text);
      return;
    } finally {
      this.on.busy(false);
    }
    for (const each of this.views.splice(place)) each.element.remove();
    await this.send(text, { fresh });
  }

  /** Remove from the conversation what it remembers of the views from a place on; a turn that failed it may not remember. */
  async forget(place) {
    const { path } = this;
    const questions = this.views.slice(place).filter((each) => each instanceof Question && !each.isRefused).reverse();
    const items = await newest(path, questions.length);
    const gone = [];
    let at = 0;
    for (const each of questions) {
      const found = items.findIndex((item, index) => index >= at && item.role === "user");
      if (found < 0 || textOf(items[found]) !== each.text) continue;
      gone.push(...items.slice(at, found + 1));
      at = found + 1;
    }
    for (const each of gone) await json("DELETE", `${path}/${encodeURIComponent(each.id)}`);
  }

  track(answer) {
    answer.on.answer = answer;
    return answer;
  }

  look() {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    this.toEnd.hidden = this.isAtEnd;
  }

  /** Stay at the end, if that is where the reader is. */
  follow() {
    if (this.isAtEnd) this.end();
    else this.look();
  }

  end() {
    this.element.scrollTop = this.element.scrollHeight;
    this.isAtEnd = true;
    this.toEnd.hidden = true;
  }
}

/** The newest items, as far back as so many questions go. */
async function newest(path, questions) {
  const items = [];
  for await (const page of pages(path)) {
    items.push(...page);
    if (items.filter((each) => each.role === "user").length > questions) break;
  }
  return items;
}

function textOf(item) {
  const { content } = item;
  if (typeof content === "string") return content;
  return (content ?? []).map((part) => part.text ?? part.refusal ?? (part.type === "input_image" ? "[image]" : "")).join("");
}

function titleOf(text) {
  const line = text.trim().split("\n")[0];
  return line.length > MOST_TITLE ? `${line.slice(0, MOST_TITLE - 1).trimEnd()}…` : line;
}

function aside(text) {
  return { element: el("p", { class: "soft aside" }, text), text };
}
