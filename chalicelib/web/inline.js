/** What stands within a block: emphasis, code, breaks and links. Brackets and marks are matched on a stack, once each. */

const MOST_ADDRESS = 2_000;
const MOST_NAME = 300; // of a picture
const MOST_DEPTH = 20; // of marks in each other: a browser draws what is nested
const SPECIAL = /[\\`*_~[\]!<\n]|https?:\/\//g;
const STEPS = { "\\": "escape", "`": "code", "\n": "line", "<": "angle", h: "bare", "[": "bracket", "]": "close", "!": "bang" };
const PUNCTUATION = /[!-/:-@[-`{-~]/;
const SPACE = /\s/;
const BARE = /https?:\/\/[^\s<>"'`*[\]{}|\\^]{1,2000}/y;
const ANGLE = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y;
const TARGET = /\(\s{0,8}(?:<([^<>\n]{0,2000})>|((?:[^\s()\\]|\\.|\([^\s()]{0,200}\)){0,2000}))(?:\s{1,8}(?:"[^"\n]{0,500}"|'[^'\n]{0,500}'))?\s{0,8}\)/y;

/** The address of a link that may be followed, as the browser reads it; null for any other. */
export function address(given) {
  const text = given.trim();
  if (text.length > MOST_ADDRESS || !/^(?:https?:\/\/|mailto:)/i.test(text)) return null;
  try {
    const url = new URL(text);
    return ["http:", "https:", "mailto:"].includes(url.protocol) && !url.username && !url.password ? url.href : null;
  } catch {
    return null;
  }
}

/** The parts of a text within a block. */
export function inline(text) {
  const scan = new Scan(text);
  while (scan.at < text.length) scan.step();
  scan.flush();
  return emphasised(scan.parts);
}

class Scan {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.parts = [];
    this.open = [];
    this.dead = 0; // how many of those stand before a link: none stands in another
    this.plain = "";
    this.unclosed = new Set(); // lengths of backtick runs that nothing closes from here on
  }

  step() {
    SPECIAL.lastIndex = this.at;
    const found = SPECIAL.exec(this.text);
    const place = found ? found.index : this.text.length;
    this.plain += this.text.slice(this.at, place);
    this.at = place;
    if (found) this[STEPS[found[0][0]] ?? "run"](found[0][0]);
  }

  push(part) {
    this.flush();
    this.parts.push(part);
  }

  flush() {
    if (this.plain) this.parts.push({ type: "text", text: this.plain });
    this.plain = "";
  }

  word(length) {
    this.plain += this.text.slice(this.at, this.at + length);
    this.at += length;
  }

  escape() {
    const next = this.text[this.at + 1] ?? "";
    if (next === "\n") {
      this.push({ type: "break" });
      this.at += 2;
    } else if (PUNCTUATION.test(next)) {
      this.plain += next;
      this.at += 2;
    } else this.word(1);
  }

  code() {
    const length = run(this.text, this.at, "`");
    const from = this.at + length;
    const end = this.unclosed.has(length) ? -1 : closing(this.text, from, length);
    if (end < 0) {
      this.unclosed.add(length);
      this.word(length);
      return;
    }
    const text = this.text.slice(from, end).replace(/\n/g, " ");
    const isPadded = text.startsWith(" ") && text.endsWith(" ") && text.trim() !== "";
    this.push({ type: "codespan", text: isPadded ? text.slice(1, -1) : text });
    this.at = end + length;
  }

  line() {
    const isBreak = this.text.slice(this.at - 2, this.at) === "  ";
    this.plain = this.plain.trimEnd() + (isBreak ? "" : "\n");
    this.flush(); // one line at a time: a long text is not copied with each
    if (isBreak) this.parts.push({ type: "break" });
    this.at += 1;
  }

  angle() {
    ANGLE.lastIndex = this.at;
    const found = ANGLE.exec(this.text);
    const href = found && address(found[1]);
    if (!found || !href) return this.word(1);
    this.push({ type: "link", href, children: [{ type: "text", text: found[1] }] });
    this.at += found[0].length;
  }

  bare() {
    BARE.lastIndex = this.at;
    const found = unstopped(BARE.exec(this.text)?.[0] ?? "");
    const href = /\w/.test(this.text[this.at - 1] ?? "") ? null : address(found);
    if (!href) return this.word(Math.max(4, found.length));
    this.push({ type: "link", href, children: [{ type: "text", text: found }] });
    this.at += found.length;
  }

  bang() {
    if (this.text[this.at + 1] !== "[") return this.word(1);
    this.at += 1;
    this.bracket("!");
  }

  bracket(mark) {
    const isImage = mark === "!";
    this.push({ type: "text", text: isImage ? "![" : "[" });
    this.open.push({ place: this.parts.length - 1, isImage });
    this.at += 1;
  }

  close() {
    const opened = this.open.pop();
    const isDead = this.open.length < this.dead && !opened?.isImage;
    this.dead = Math.min(this.dead, this.open.length);
    TARGET.lastIndex = this.at + 1;
    const found = opened && !isDead && this.text[this.at + 1] === "(" ? TARGET.exec(this.text) : null;
    if (!opened || !found) return this.word(1);
    this.flush();
    const inside = emphasised(this.parts.splice(opened.place).slice(1));
    const given = (found[1] ?? found[2] ?? "").replace(/\\([!-/:-@[-`{-~])/g, "$1");
    this.at += 1 + found[0].length;
    this.parts.push(link(given, inside, opened.isImage));
    if (!opened.isImage) this.dead = this.open.length;
  }

  run(mark) {
    const length = run(this.text, this.at, mark);
    const before = this.text[this.at - 1] ?? " ";
    const after = this.text[this.at + length] ?? " ";
    if (mark === "~" && length !== 2) return this.word(length);
    this.push({ type: "mark", text: mark.repeat(length), mark, length, ...flanks(mark, before, after) });
    this.at += length;
  }
}

function link(given, inside, isImage) {
  const href = address(given);
  const text = isImage ? words(inside).slice(0, MOST_NAME) || "image" : given;
  const children = inside.length && !isImage ? inside.map(unlinked) : [{ type: "text", text }];
  return href ? { type: "link", href, children } : { type: "span", children };
}

/** No link stands in a link: what does is its words. */
function unlinked(part) {
  if (!part.children) return part;
  return { ...part, type: part.type === "link" ? "span" : part.type, children: part.children.map(unlinked) };
}

function flanks(mark, before, after) {
  const left = !SPACE.test(after) && (!PUNCTUATION.test(after) || SPACE.test(before) || PUNCTUATION.test(before));
  const right = !SPACE.test(before) && (!PUNCTUATION.test(before) || SPACE.test(after) || PUNCTUATION.test(after));
  if (mark !== "_") return { opens: left, closes: right };
  return { opens: left && (!right || PUNCTUATION.test(before)), closes: right && (!left || PUNCTUATION.test(after)) };
}

/** Marks that belong together become emphasis, the innermost first; the others are text. */
function emphasised(parts) {
  const done = [];
  const open = []; // places in `done` of marks that may open
  for (const part of parts) {
    if (part.type !== "mark") done.push(part);
    else shut(part, done, open);
  }
  return done.map(asText);
}

/** Close with a mark what it can; what is left of it may open. */
function shut(given, done, open) {
  const part = { ...given };
  while (part.closes && part.length > 0) {
    const place = opener(part, done, open);
    if (place < 0) break;
    const other = done[open[place]];
    const both = Math.min(2, part.length, other.length);
    const inside = done.splice(open[place] + 1).map(asText);
    open.length = place + 1;
    done.push(wrapped(part.mark, both, inside));
    part.length -= both;
    other.length -= both;
    if (other.length === 0) {
      done.splice(open[place], 1);
      open.pop();
    }
  }
  if (part.length === 0) return;
  done.push(part);
  if (part.opens) open.push(done.length - 1);
}

/** Where in `open` the nearest mark of the same kind is; only so far back, so that the whole takes linear time. */
function opener(part, done, open) {
  for (let place = open.length - 1; place >= Math.max(0, open.length - MOST_DEPTH); place -= 1) {
    const other = done[open[place]];
    const isOdd = (part.opens || other.closes) && (part.length + other.length) % 3 === 0 && part.length % 3 !== 0;
    if (other.mark === part.mark && !isOdd) return place;
  }
  return -1;
}

function wrapped(mark, length, inside) {
  const depth = 1 + inside.reduce((most, each) => Math.max(most, each.depth ?? 0), 0);
  if (depth > MOST_DEPTH) return { type: "span", depth: 0, children: flat(inside) };
  const type = mark === "~" ? "struck" : length === 2 ? "strong" : "emphasis";
  return { type, depth, children: inside };
}

/** The words alone. */
function flat(parts) {
  return [{ type: "text", text: words(parts) }];
}

export function words(parts) {
  return parts.map((each) => each.text ?? (each.children ? words(each.children) : each.type === "break" ? "\n" : "")).join("");
}

function asText(part) {
  return part.type === "mark" ? { type: "text", text: part.mark.repeat(part.length) } : part;
}

/** An address without the stops that end the sentence around it. */
function unstopped(found) {
  let end = found.length;
  while (end > 0 && ".,:;!?)".includes(found[end - 1])) end -= 1;
  return found.slice(0, end);
}

function run(text, at, mark) {
  let end = at;
  while (text[end] === mark) end += 1;
  return end - at;
}

function closing(text, from, length) {
  for (let at = text.indexOf("`", from); at >= 0; at = text.indexOf("`", at)) {
    const found = run(text, at, "`");
    if (found === length) return at;
    at += found;
  }
  return -1;
}
