/** One question on the page, which can be changed and sent again. */

import { copyText } from "./answer.js";
import { el, fill, iconButton } from "./dom.js";

/** What somebody asked. `resend` is told the new words. */
export class Question {
  constructor(text, resend) {
    this.text = text;
    this.resend = resend;
    this.element = el("article", { class: "question", "aria-label": "Question" });
    this.show();
  }

  show() {
    const copy = iconButton("copy", "Copy question", () => copyText(copy, this.text));
    this.pencil = iconButton("edit", "Edit question", () => this.edit());
    fill(this.element, el("p", { class: "words" }, this.text), el("div", { class: "actions" }, copy, this.pencil));
  }

  edit() {
    const words = el("textarea", { "aria-label": "Edit question", value: this.text, rows: Math.min(12, this.text.split("\n").length + 1) });
    const close = () => {
      this.show();
      this.pencil?.focus();
    };
    const submit = (event) => {
      event.preventDefault();
      const text = words.value.trim();
      if (text) this.resend(text);
    };
    const keydown = (event) => {
      if (event.key === "Escape") close();
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
    };
    words.addEventListener("keydown", keydown);
    fill(this.element, el(
      "form", { on: { submit } }, words,
      el("p", { class: "soft hint" }, "What came after this question is replaced."),
      el("div", { class: "row" }, el("button", { class: "quiet", onclick: close }, "Cancel"), el("button", { class: "primary", type: "submit" }, "Send")),
    ));
    words.focus();
    words.setSelectionRange(words.value.length, words.value.length);
  }
}
