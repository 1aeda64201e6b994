/**
 * Markdown as a tree: a strict subset, in time that grows with the text alone.
 *
 * Paragraphs, headings, lists, quotes, rules, fenced code, tables, emphasis, code, and links to http, https and mailto.
 * There is no raw HTML and there are no images: those stay text, or a link to where they are.
 */

import { inline } from "./inline.js";

const MOST_DEPTH = 8; // of quotes and lists in each other; what is deeper stays text
const MOST_COLUMNS = 24;
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})[ \t]*([^\s`]*)/;
const HEADING = /^ {0,3}(#{1,6})(?![^ ])/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:( {1,4})(?=\S)|[ \t]*$|[ \t])/;

/** The blocks of a text. Each has its `source`, so that one that did not change need not be drawn again. */
export function parse(text) {
  return blocks(text.replace(/\r\n?/g, "\n").replace(/\0/g, "\uFFFD").replace(/\t/g, "    ").split("\n"), 0);
}

function blocks(lines, depth) {
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const [block, end] = next(lines, at, depth);
    block.source = lines.slice(at, end).join("\n");
    found.push(block);
    at = end;
  }
  return found;
}

/** The block that begins at a line, and the line behind it. */
function next(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return code(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) return [{ type: "heading", level: heading[1].length, children: inline(title(line.slice(heading[0].length))) }, at + 1];
  if (RULE.test(line)) return [{ type: "rule" }, at + 1];
  if (depth < MOST_DEPTH && QUOTE.test(line)) return quote(lines, at, depth);
  if (depth < MOST_DEPTH && ITEM.test(line)) return list(lines, at, depth);
  return (startsTable(lines, at) && tableAt(lines, at)) || paragraph(lines, at);
}

/** A heading's words, without the hashes that may close it. */
function title(text) {
  let end = text.trimEnd().length;
  while (text[end - 1] === "#") end -= 1;
  return end === 0 || text[end - 1] === " " ? text.slice(0, end).trim() : text.trim();
}

function startsTable(lines, at) {
  const divider = lines[at + 1] ?? "";
  return lines[at].includes("|") && /^[-|: ]+$/.test(divider) && cells(divider).every((each) => /^:?-+:?$/.test(each));
}

function code(lines, at, fence) {
  const mark = fence[1];
  const indent = line0(lines[at]);
  let end = at + 1;
  while (end < lines.length && !closes(lines[end], mark)) end += 1;
  const text = lines.slice(at + 1, end).map((line) => line.slice(Math.min(indent, line0(line)))).join("\n");
  return [{ type: "code", language: fence[2].slice(0, 32), text, isOpen: end === lines.length }, Math.min(end + 1, lines.length)];
}

function closes(line, mark) {
  const text = line.trim();
  return line0(line) < 4 && text.length >= mark.length && text === mark[0].repeat(text.length);
}

function quote(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return [{ type: "quote", children: blocks(inner, depth + 1) }, end];
}

function list(lines, at, depth) {
  const mark = (ITEM.exec(lines[at]))[2];
  const ordered = mark.length > 1;
  const items = [];
  let isLoose = false;
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || item[2].at(-1) !== mark.at(-1) || RULE.test(lines[end])) break;
    const [inner, after, loose] = itemAt(lines, end, item);
    items.push({ type: "item", children: blocks(inner, depth + 1) });
    isLoose ||= loose && after < lines.length && ITEM.test(lines[after]);
    end = after;
  }
  return [{ type: "list", ordered, start: ordered ? parseInt(mark, 10) : 1, isLoose, children: items }, end];
}

/** The lines of an item without their indentation, the line behind it, and whether it ends in an empty one. */
function itemAt(lines, at, item) {
  const width = item[1].length + item[2].length + (item[3]?.length ?? 1);
  const inner = [lines[at].slice(width)];
  let end = at + 1;
  let fence = FENCE.exec(inner[0])?.[1];
  let isBlank = false;
  for (; end < lines.length; end += 1) {
    const line = lines[end];
    if (!line.trim()) {
      isBlank = true;
      inner.push("");
      continue;
    }
    const isInside = line0(line) >= width;
    if (!isInside && (isBlank || fence || startsBlock(line) || ITEM.test(line))) break;
    const text = isInside ? line.slice(width) : line;
    inner.push(text);
    isBlank = false;
    if (fence) fence = closes(text, fence) ? undefined : fence;
    else fence = FENCE.exec(text)?.[1];
  }
  while (inner.length > 1 && !inner[inner.length - 1]) inner.pop();
  return [inner, end, isBlank];
}

function tableAt(lines, at) {
  const head = cells(lines[at]);
  const aligned = cells(lines[at + 1]).map((each) => [each.startsWith(":"), each.endsWith(":")]);
  if (head.length !== aligned.length || head.length > MOST_COLUMNS) return null;
  let end = at + 2;
  while (end < lines.length && lines[end].trim() && lines[end].includes("|") && !startsBlock(lines[end])) end += 1;
  const align = aligned.map(([left, right]) => (right ? (left ? "center" : "end") : "start"));
  const row = (texts) => align.map((_, place) => inline(texts[place] ?? ""));
  return [{ type: "table", align, head: row(head), rows: lines.slice(at + 2, end).map((line) => row(cells(line))) }, end];
}

function cells(line) {
  const text = line.trim().replace(/^\|/, "").replace(/(^|[^\\])\|$/, "$1");
  const found = [];
  let cell = "";
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\" && text[at + 1] === "|") {
      cell += "|";
      at += 1;
    } else if (text[at] === "|") {
      found.push(cell.trim());
      cell = "";
    } else cell += text[at];
  }
  return [...found, cell.trim()];
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !startsBlock(lines[end]) && !startsTable(lines, end)) end += 1;
  const text = lines.slice(at, end).map((line) => line.trimStart()).join("\n").trimEnd();
  return [{ type: "paragraph", children: inline(text) }, end];
}

function startsBlock(line) {
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || /^ {0,3}(?:[-*+]|1[.)]) +\S/.test(line);
}

function line0(line) {
  return line.length - line.trimStart().length;
}
