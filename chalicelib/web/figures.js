/** Figures: something to see, the table behind it, and that table as a file. */

import { bar } from "./charts.js";
import { el, fill, icon } from "./dom.js";
import { explain } from "./faults.js";

// A column has a `label`, the `name` of its value in a row and in a file, and may `show` it otherwise. One that is `filed` is in the file alone.

/** A table of rows by the names of their columns; it scrolls by itself where it is wider than its place. */
export function table(caption, head, rows) {
  const shown = head.filter((each) => !each.filed);
  const cell = ({ name, show, number }, row) => el("td", { class: number ? "number" : null }, ...[show ? show(row[name], row) : row[name] ?? "–"].flat());
  return el(
    "div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    el("table", {},
      el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, ...shown.map(({ label, number }) => el("th", { scope: "col", class: number ? "number" : null }, label)))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...shown.map((each) => cell(each, row)))))),
  );
}

/** A button that saves a table. */
export function download(file, head, rows) {
  return button(["CSV", el("span", { class: "unseen" }, ` of ${file}`)], () => save(file, csv(head, rows)), "quiet small", "down");
}

/** The text of a table by RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe. */
export function csv(head, rows) {
  const names = head.map(({ name }) => name).filter(Boolean);
  const quote = (value) => {
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [names, ...rows.map((row) => names.map((name) => row[name]))].map((line) => `${line.map(quote).join(",")}\r\n`).join("");
}

function save(file, text) {
  const href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  el("a", { href, download: `${file}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(href));
}

/** A chart with its table behind it and its file; the legend has kinds and their words. */
export function figure({ title, note = "", chart, legend = [], file, head, rows }) {
  return el(
    "figure", { class: "figure" },
    el("figcaption", {}, el("h3", {}, title), note && soft(note)),
    legend.length > 0 && el("ul", { class: "legend" }, ...legend.map(([kind, words]) => el("li", {}, el("span", { class: `swatch ${kind}` }), words))),
    chart,
    el("div", { class: "behind" },
      el("details", {}, el("summary", {}, "Table"), table(title, head, rows)),
      download(file, head, rows)),
  );
}

/** A choice of one among few, by values and their words. */
export function choice(label, options, chosen, choose) {
  const name = `choice-${label.toLowerCase().replaceAll(" ", "-")}`;
  const made = options.map(([value, words]) => {
    const input = el("input", { type: "radio", name, value, id: `${name}-${value}`, checked: value === chosen, on: { change: () => choose(value) } });
    return el("span", {}, input, el("label", { for: input.id }, words));
  });
  return el("fieldset", { class: "choice" }, el("legend", { class: "unseen" }, label), ...made);
}

/** A part of the page with its heading. */
export function section(id, title, beside, ...children) {
  return el("section", { "aria-labelledby": id }, el("div", { class: "head" }, el("h2", { id }, title), beside), ...children);
}

/** Bars below each other: what each is called and comes to, and its parts of a whole. */
export function bars(rows) {
  const shown = rows.map(({ name, words, parts, whole }) => el("li", {}, el("p", { class: "ends" }, el("strong", {}, name), el("span", {}, words)), bar(parts, whole)));
  return el("ul", { class: "shares" }, ...shown);
}

/** Say in `place` what went wrong. */
export function tell(place, fault) {
  fill(place, el("p", { class: "note bad" }, fault.status === 409 ? fault.message : explain(fault).text));
}

/** A button with words, and perhaps an icon. */
export function button(words, click, kind = null, sign = null) {
  return el("button", { type: "button", class: kind, on: { click } }, sign && icon(sign), ...[words].flat());
}

/** A button for one row of a table: whoever does not see the row hears whose it is. */
export function act(verb, whose, click, kind = "") {
  return button([verb, el("span", { class: "unseen" }, ` ${whose}`)], click, `small ${kind}`);
}

/** Words of less weight. */
export function soft(words) {
  return el("p", { class: "soft" }, words);
}

/** A word in a colour that says how good it is. */
export function badge(kind, words) {
  return el("span", { class: `badge ${kind}` }, words);
}

/** A dialog over the page: a form whose `send` may give what to show at the end, and may throw what is told in it. */
export function ask({ title, action, danger = false, fields, send }) {
  const said = el("div", { role: "alert" });
  const close = () => dialog.close();
  const go = el("button", { type: "submit", class: danger ? "danger" : "primary" }, action);
  async function submit(event) {
    event.preventDefault();
    go.disabled = true;
    fill(said);
    try {
      const result = await send();
      dialog.oncancel = (event) => event.preventDefault();
      if (result) fill(form, el("h2", { id: "asked" }, title), result, el("div", { class: "row" }, button("Close", close)));
      else close();
    } catch (fault) {
      tell(said, fault);
    } finally {
      go.disabled = false;
    }
  }
  const form = el(
    "form", { on: { submit } }, el("h2", { id: "asked" }, title), ...fields, said,
    el("div", { class: "row" }, button("Cancel", close), go),
  );
  const dialog = el("dialog", { "aria-labelledby": "asked", on: { close: () => dialog.remove() } }, form);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

let fields = 0;

/** A labelled field around an input. */
export function field(label, input, help = "") {
  input.id ||= `field-${(fields += 1)}`;
  if (help) input.setAttribute("aria-describedby", `${input.id}-help`);
  return el("div", { class: "field" }, el("label", { for: input.id }, label), input, help && el("p", { class: "soft small", id: `${input.id}-help` }, help));
}

/** A line of text to fill in. */
export function text(props = {}) {
  return el("input", { type: "text", maxLength: 128, autocomplete: "off", spellcheck: false, ...props });
}

/** A list to choose from. */
export function select(options, chosen = "") {
  return el("select", {}, ...options.map(([value, words]) => el("option", { value, selected: value === chosen }, words)));
}
