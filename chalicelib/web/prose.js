/** Markdown on the page: elements made from the tree, text as text. Nothing that a model says is read as markup. */

import { el, iconButton } from "./dom.js";
import { parse } from "./markdown.js";

/** A text that grows: only the blocks that changed are drawn anew. */
export class Prose {
  constructor() {
    this.element = el("div", { class: "prose" });
    this.drawn = [];
  }

  /** Show `text`, all of it. */
  show(text) {
    const blocks = parse(text);
    const keys = blocks.map((each) => `${each.type} ${each.isOpen ?? ""} ${each.source}`);
    let same = 0;
    while (same < keys.length && keys[same] === this.drawn[same]) same += 1;
    while (this.element.children.length > same) this.element.lastElementChild?.remove();
    this.element.append(...blocks.slice(same).map(block));
    this.drawn = keys;
  }
}

function block(tree) {
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

function item(tree, isLoose) {
  const tight = (each) => (each.type === "paragraph" && !isLoose ? el("span", {}, ...parts(each.children)) : block(each));
  return el("li", {}, ...(tree.children ?? []).map(tight));
}

function code(tree) {
  const text = tree.text ?? "";
  const copy = iconButton("copy", "Copy code", null, { "data-copy": "" });
  return el(
    "figure", { class: "code" },
    el("figcaption", {}, el("span", {}, tree.language || "text"), copy),
    el("pre", { tabIndex: 0 }, el("code", {}, text)),
  );
}

function table(tree) {
  const row = (tag, cells) =>
    el("tr", {}, ...cells.map((each, place) => el(tag, { class: tree.align[place] }, ...parts(each))));
  return el(
    "div", { class: "table", tabIndex: 0, role: "region", "aria-label": "Table" },
    el("table", {}, el("thead", {}, row("th", tree.head)), el("tbody", {}, ...tree.rows.map((each) => row("td", each)))),
  );
}

function parts(trees) {
  return (trees ?? []).map(part);
}

const TAGS = { strong: "strong", emphasis: "em", struck: "s", span: "span" };

function part(tree) {
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
