// @ts-check
/** Markdown on the page: elements made from the tree, text as text. Nothing that a model says is read as markup. */

import { el, icon } from "./dom.js";
import { parse } from "./markdown.js";

/** @typedef {import("./markdown.js").Tree} Tree */

/** A text that grows: only the blocks that changed are drawn anew. */
export class Prose {
  constructor() {
    this.element = el("div", { class: "prose" });
    /** @type {string[]} */
    this.drawn = [];
  }

  /** Show `text`, all of it. */
  show(/** @type {string} */ text) {
    const blocks = parse(text);
    const keys = blocks.map((each) => `${each.type} ${each.isOpen ?? ""} ${each.source}`);
    let same = 0;
    while (same < keys.length && keys[same] === this.drawn[same]) same += 1;
    while (this.element.children.length > same) this.element.lastElementChild?.remove();
    this.element.append(...blocks.slice(same).map(block));
    this.drawn = keys;
  }
}

/** @returns {HTMLElement} */
function block(/** @type {Tree} */ tree) {
  switch (tree.type) {
    case "heading":
      return el(`h${Math.min(6, tree.level + 2)}`, {}, ...parts(tree.children));
    case "rule":
      return el("hr");
    case "quote":
      return el("blockquote", {}, ...(tree.children ?? []).map(block));
    case "list":
      return el(tree.ordered ? "ol" : "ul", tree.ordered && tree.start !== 1 ? { start: tree.start } : {}, ...(tree.children ?? []).map((each) => item(each, tree.isLoose)));
    case "table":
      return table(tree);
    case "code":
      return code(tree);
    default:
      return el("p", {}, ...parts(tree.children));
  }
}

function item(/** @type {Tree} */ tree, /** @type {boolean} */ isLoose) {
  const tight = (/** @type {Tree} */ each) => (each.type === "paragraph" && !isLoose ? el("span", {}, ...parts(each.children)) : block(each));
  return el("li", {}, ...(tree.children ?? []).map(tight));
}

function code(/** @type {Tree} */ tree) {
  const text = tree.text ?? "";
  const copy = el("button", { type: "button", class: "quiet bare", "aria-label": "Copy code", title: "Copy code", "data-copy": "" }, icon("copy"));
  return el(
    "figure", { class: "code" },
    el("figcaption", {}, el("span", {}, tree.language || "text"), copy),
    el("pre", { tabIndex: 0 }, el("code", {}, text)),
  );
}

function table(/** @type {Tree} */ tree) {
  const row = (/** @type {string} */ tag, /** @type {Tree[][]} */ cells) =>
    el("tr", {}, ...cells.map((each, place) => el(tag, { class: tree.align[place] }, ...parts(each))));
  return el(
    "div", { class: "table", tabIndex: 0, role: "region", "aria-label": "Table" },
    el("table", {}, el("thead", {}, row("th", tree.head)), el("tbody", {}, ...tree.rows.map((/** @type {Tree[][]} */ each) => row("td", each)))),
  );
}

/** @returns {(Node | string)[]} */
function parts(/** @type {Tree[] | undefined} */ trees) {
  return (trees ?? []).map(part);
}

/** @type {Record<string, string>} */
const TAGS = { strong: "strong", emphasis: "em", struck: "s", span: "span" };

/** @returns {Node | string} */
function part(/** @type {Tree} */ tree) {
  switch (tree.type) {
    case "text":
      return tree.text ?? "";
    case "break":
      return el("br");
    case "codespan":
      return el("code", {}, tree.text);
    case "link":
      return el("a", { href: tree.href, target: "_blank", rel: "noopener noreferrer nofollow", title: tree.href }, ...parts(tree.children));
    default:
      return el(TAGS[tree.type] ?? "span", {}, ...parts(tree.children));
  }
}
