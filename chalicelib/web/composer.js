/** Where a question is written, and what is to answer it chosen. */

import { el, relabel } from "./dom.js";
import { socketUrl } from "./socket.js";

/** `on.send` is told the words, `on.stop` that enough was said. */
export class Composer {
  constructor(models, on) {
    this.on = on;
    this.isBusy = false;
    this.words = el("textarea", {
      id: "words", rows: 1, placeholder: "Ask anything", "aria-label": "Message", "aria-describedby": "words-help",
      oninput: () => this.update(), onkeydown: (event) => this.key(event),
    });
    this.model = el("select", { "aria-label": "Model" }, ...models.map((each) => el("option", { value: each.id }, each.id)));
    this.socket = el("input", { type: "checkbox" });
    this.button = el("button", { class: "primary bare go", type: "submit" });
    const resumes = el("label", { class: "check", title: "If the connection drops, the answer goes on where it was" }, this.socket, el("span", {}, "Reconnect"));
    this.element = el(
      "form", { class: "composer", onsubmit: (event) => this.submit(event) },
      this.words,
      el("div", { class: "row" }, this.model, socketUrl() ? resumes : null, el("span", { class: "soft hint", id: "words-help" }, "Enter sends, Shift+Enter breaks the line"), this.button),
    );
    this.update();
  }

  /** What answers, and how. */
  wish() {
    return { model: this.model.value, overSocket: this.socket.checked };
  }

  busy(isBusy) {
    this.isBusy = isBusy;
    this.update();
  }

  update() {
    this.words.rows = Math.min(10, this.words.value.split("\n").length);
    this.button.disabled = !this.isBusy && !this.words.value.trim();
    const [name, label] = this.isBusy ? ["stop", "Stop"] : ["send", "Send"];
    if (this.button.title !== label) relabel(this.button, name, label);
  }

  key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (!this.isBusy) this.submit(event);
    }
    if (event.key === "Escape" && this.isBusy) this.on.stop();
  }

  submit(event) {
    event.preventDefault();
    const text = this.words.value.trim();
    if (this.isBusy) this.on.stop();
    else if (text) {
      this.words.value = "";
      this.update();
      this.on.send(text);
    }
  }

  write(text) {
    this.words.value = text;
    this.update();
  }

  focus() {
    this.words.focus();
  }
}
