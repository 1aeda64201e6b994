// The Markdown of the pages: what is read, what stays text, and that hostile texts take no longer than others.

import assert from "node:assert/strict";
import { test } from "node:test";

import { address, words } from "../../chalicelib/web/inline.js";
import { parse } from "../../chalicelib/web/markdown.js";

const only = (text) => {
  const blocks = parse(text);
  assert.equal(blocks.length, 1, text);
  return blocks[0];
};
const kinds = (text) => parse(text).map((each) => each.type);
const inside = (text) => only(text).children.map(short);
const short = (part) => (part.children ? { [part.type]: words(part.children) } : part.type === "text" ? part.text : { [part.type]: part.text });
const links = (trees) => trees.flatMap((each) => [...(each.type === "link" ? [each.href] : []), ...under(each).flatMap((part) => links([part]))]);
const under = (tree) => [...(tree.children ?? []), ...(tree.head ?? []).flat(), ...(tree.rows ?? []).flat(2)];

test("blocks are told apart", () => {
  assert.deepEqual(kinds("# A\n\nb\nc\n\n---\n> d\n\n- e\n- f\n\n1. g\n\n```js\nh\n```\n\na | b\n--- | ---\n1 | 2"), [
    "heading", "paragraph", "rule", "quote", "list", "list", "code", "table",
  ]);
});

test("a heading has its level, and a hash alone is none", () => {
  assert.equal(only("### Three ###").level, 3);
  assert.equal(words(only("### Three ###").children), "Three");
  assert.equal(only("#hash").type, "paragraph");
  assert.equal(only("####### seven").type, "paragraph");
});

test("code is code to its fence, or to the end while it comes", () => {
  assert.deepEqual([only("```py\n# no heading\n<b>\n```").text, only("```py\nx\n```").language], ["# no heading\n<b>", "py"]);
  assert.deepEqual([only("```\nhalf").text, only("```\nhalf").isOpen], ["half", true]);
  assert.equal(only("~~~\n```\n~~~").text, "```");
  assert.equal(only("````\n```\n````").text, "```");
});

test("lists nest, begin where they say, and hold blocks", () => {
  const list = only("3. a\n   - b\n     - c\n4. d\n\n   ```\n   e\n   ```");
  assert.deepEqual([list.ordered, list.start, list.children.length], [true, 3, 2]);
  assert.equal(list.children[0].children[1].children[0].children[1].type, "list");
  assert.deepEqual(list.children[1].children.map((each) => each.type), ["paragraph", "code"]);
  assert.equal(list.children[1].children[1].text, "e");
});

test("emphasis is what belongs together", () => {
  assert.deepEqual(inside("a *b* **c** ***d*** ~~e~~ _f_ __g__"), [
    "a ", { emphasis: "b" }, " ", { strong: "c" }, " ", { emphasis: "d" }, " ", { struck: "e" }, " ", { emphasis: "f" }, " ", { strong: "g" },
  ]);
  for (const text of ["2 * 3 * 4", "snake_case_name", "**half", "a ** b", "~one~"]) assert.equal(words(only(text).children), text);
  assert.ok(only("snake_case_name").children.every((each) => each.type === "text"));
});

test("code in a line wins over marks and brackets", () => {
  assert.deepEqual(inside("`*a*` ``b`c`` `[x](http://a.b)`"), [{ codespan: "*a*" }, " ", { codespan: "b`c" }, " ", { codespan: "[x](http://a.b)" }]);
  assert.deepEqual(inside("`half"), ["`half"]);
});

test("a link leads to http, https and mailto", () => {
  assert.deepEqual(links(parse("[a](https://a.example/x?y=1#z) [b](http://b.example) [c](mailto:d@e.example) <https://f.example> https://g.example/h.")), [
    "https://a.example/x?y=1#z", "http://b.example/", "mailto:d@e.example", "https://f.example/", "https://g.example/h",
  ]);
  assert.deepEqual(links(parse("[a](<https://a.example/(b)> \"title\") [b](https://b.example/(c))")), ["https://a.example/(b)", "https://b.example/(c)"]);
});

test("a link to anything else is its words", () => {
  const bad = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)", "&#106;avascript:alert(1)", "data:text/html,x", "vbscript:x",
    "file:///etc/passwd", "blob:https://a/b", "//a.example", "/v1/usage", "#x", "ftp://a.example", "https://user:pass@a.example", "http://", "https://[", "mailto",
    "view-source:https://a.example", "intent://a#Intent;end", "\u0001javascript:alert(1)", "https:/\\a.example\u0000", "x".repeat(3000),
  ];
  for (const each of bad) {
    assert.deepEqual(links(parse(`[words](${each})`)), [], each);
    assert.deepEqual(links(parse(`[words](<${each}>)`)), [], each);
    assert.equal(address(each), null, each);
  }
});

test("no link stands in a link, and a picture is a link", () => {
  assert.deepEqual(links(parse("[a [b](https://b.example) c](https://a.example)")), ["https://b.example/", "https://a.example/"]);
  assert.deepEqual(links(parse("[https://b.example `c`](https://a.example)")), ["https://a.example/"]);
  assert.deepEqual(links(parse("[![badge](https://b.example/i.svg)](https://a.example)")), ["https://a.example/"]);
  assert.deepEqual(inside("![cat](https://c.example/cat.png)"), [{ link: "cat" }]);
  assert.deepEqual(inside("![](https://c.example/cat.png)"), [{ link: "image" }]);
});

test("markup is text", () => {
  for (const text of ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<b>a</b>", "<!-- c -->", "&lt;b&gt; &amp; &#60;"]) {
    assert.equal(words(only(text).children), text);
  }
});

test("a backslash takes a mark's meaning away", () => {
  assert.equal(words(only("\\*a\\* \\[b](https://c.example) \\`d\\` \\\\ \\n").children), "*a* [b](https://c.example) `d` \\ \\n");
});

test("a table has the columns of its head", () => {
  const table = only("| a | b |\n|:-:|--:|\n| `x` | 1 | 2 |\n| y \\| z |");
  assert.deepEqual(table.align, ["center", "end"]);
  assert.deepEqual(table.rows.map((row) => row.map((cell) => cell.map(short))), [[[{ codespan: "x" }], ["1"]], [["y | z"], []]]);
  assert.equal(parse("a | b\n--- |\n").length && parse("a | b\n---")[0].type, "paragraph");
});

test("a block's source says whether it changed", () => {
  const [first] = parse("# A\n\nb");
  const [again] = parse("# A\n\nb and more");
  assert.equal(first.source, again.source);
});

const WHOLE = "# T\n\nA *b* **c** `d` [e](https://e.example \"t\") ![f](https://f.example/g.png)\n\n- h\n  1. i\n\n> j\n\n```js\nk\n```\n\n| l | m |\n|---|---|\n| n | o |\n";

test("whatever comes of a text is a tree, and links nowhere else", () => {
  for (let end = 0; end <= WHOLE.length; end += 1) {
    for (const href of links(parse(WHOLE.slice(0, end)))) assert.match(href, /^https:\/\/[ef](?:\.|\/|$)/);
  }
});

const HOSTILE = 400_000; // characters: work that grew with their square would take minutes, and the run is ended before

test("what is hostile is read in a moment too", { timeout: 60_000 }, () => {
  const around = [["[", "a", "](https://a.example)"], ["![", "a".repeat(20_000), "](https://a.example)"], ["**", "a", "**"], ["*a ", "b", "*"], ["[", "", "[a](https://a.example)"]];
  const hostile = ["[", "![", "](", "[a](", "*", "**a", "_a_ ", "`", "``` ", "a`b``c```", "> ", "- ", "1. ", "|", "|-", "<", "<https://", "https://a", "\\", "~~", "*_", "a**b_c", "(", "[a](b\\", "#", "\n", "\n\n> - ", "[[]", "()", "[](", "<a ", "*a_ ", "` `` ", "# ", "- a\n", "> a\n", "a|b\n", "https://a...", "` a", "|-|\n", "-  ", " "];
  for (const each of hostile) assert.ok(parse(each.repeat(HOSTILE / each.length)));
  for (const [left, middle, right] of around) assert.ok(parse(`${left.repeat(5_000)}${middle}${right.repeat(5_000)}`));
});

test("nothing nests deeper than a browser draws with ease", () => {
  const depth = (tree) => 1 + Math.max(0, ...under(tree).map(depth));
  for (const text of ["> ".repeat(5_000) + "a", "- ".repeat(5_000) + "a", "*a **b ".repeat(5_000) + "** *".repeat(5_000), "[".repeat(5_000) + "a" + "](https://a.example)".repeat(5_000)]) {
    assert.ok(Math.max(...parse(text).map(depth)) < 100, text.slice(0, 10));
  }
});
