/** Charts, drawn as SVG without a style attribute: colours are classes, so that they follow the light of the room. */

const SVG = "http://www.w3.org/2000/svg";
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A count in few characters, for an axis. */
export function compact(number) {
  return COMPACT.format(number);
}

/** An SVG element. */
function draw(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** A bar whose parts are shares of `whole`; what it shows is said beside it. */
export function bar(parts, whole) {
  let at = 0;
  const drawn = parts.map(({ value, kind }) => {
    const width = whole ? Math.min((100 * value) / whole, 100 - at) : 0;
    at += width;
    return draw("rect", { x: at - width, y: 0, width, height: 1, class: kind });
  });
  return draw("svg", { class: "bar", viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" }, ...drawn);
}

/** Round numbers from 0 to at least `most`: whole ones, few of them. */
export function ticks(most) {
  const rough = Math.max(most, 1) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max([1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough, 1);
  return Array.from({ length: Math.ceil(Math.max(most, 1) / step) + 1 }, (_, place) => place * step);
}

/** Columns of stacked parts over time, drawn anew at each width. */
export function columns(points, { label, show }) {
  const chart = draw("svg", { class: "columns", role: "img", "aria-label": label });
  const watch = new ResizeObserver(([entry]) => {
    if (chart.isConnected) redraw(chart, points, show, entry.contentRect.width);
    else watch.disconnect();
  });
  watch.observe(chart);
  return chart;
}

function redraw(chart, points, show, width) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const height = chart.clientHeight || 14 * rem;
  const totals = points.map((each) => each.parts.reduce((sum, part) => sum + part.value, 0));
  const marks = ticks(Math.max(...totals));
  const frame = { left: (0.9 + 0.47 * Math.max(...marks.map((mark) => show(mark).length))) * rem, top: 0.75 * rem, right: width - 0.25 * rem, bottom: height - 1.75 * rem };
  const y = (value) => frame.bottom - (value / marks[marks.length - 1]) * (frame.bottom - frame.top);
  const pitch = (frame.right - frame.left) / points.length;
  if (pitch <= 0) return; // not laid out yet
  const every = Math.ceil((3.4 * rem) / pitch);
  chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
  chart.replaceChildren(
    ...marks.flatMap((mark) => [
      draw("line", { x1: frame.left, x2: frame.right, y1: y(mark), y2: y(mark), class: mark ? "rule" : "ground" }),
      draw("text", { x: frame.left - 0.6 * rem, y: y(mark), class: "mark" }, show(mark)),
    ]),
    ...points.map((point, place) => column(point, { x: frame.left + place * pitch, y, pitch, rem })),
    ...points.map((point, place) =>
      (points.length - 1 - place) % every ? "" : draw("text", { x: frame.left + (place + 0.5) * pitch, y: frame.bottom + 1.2 * rem, class: "name" }, point.label)),
  );
}

function column(point, { x, y, pitch, rem }) {
  const width = Math.min(pitch * 0.62, 3.2 * rem);
  let below = 0;
  const drawn = point.parts.map(({ value, kind }) => {
    const [bottom, top] = [y(below), y(below + value)];
    below += value;
    return draw("rect", { x: x + (pitch - width) / 2, y: top, width, height: bottom - top, class: kind });
  });
  const whole = draw("rect", { x, y: y(0) - 400, width: pitch, height: 400, class: "touch" });
  return draw("g", { class: "column" }, draw("title", {}, point.title), whole, ...drawn);
}
