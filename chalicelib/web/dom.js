/** Elements made by hand: text is text, and nothing here reads markup. */

/**
 * An element with properties and children. `class`, `role`, `for` and names with a dash are attributes; `on` has listeners.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node | string | null | undefined | false)} children
 */
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (name === "class" || name === "role" || name === "for" || name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((each) => each !== null && each !== undefined && each !== false));
  return made;
}

/** Put `children` in the place of all that `parent` holds. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children);
  return parent;
}

const SVG = "http://www.w3.org/2000/svg";

/** Lines of an icon, in a square of 24. */
const PATHS = {
  tide: ["M3 9c3-2.7 6-2.7 9 0s6 2.7 9 0", "M3 16c3-2.7 6-2.7 9 0s6 2.7 9 0"],
  plus: ["M12 5v14", "M5 12h14"],
  menu: ["M4 7h16", "M4 12h16", "M4 17h16"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  send: ["M12 19V5", "M6 11l6-6 6 6"],
  stop: ["M8 8h8v8H8z"],
  copy: ["M9 9h10v11H9z", "M5 15V4h10"],
  done: ["M5 12.5l4.5 4.5L19 7.5"],
  again: ["M20 11a8 8 0 1 0-2.3 6.3", "M20 4v7h-7"],
  edit: ["M4 20l1-4L16 5l3 3L8 19z", "M14 7l3 3"],
  bin: ["M5 7h14", "M9 7V4h6v3", "M7 7l1 13h8l1-13"],
  search: ["M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14z", "M16 16l4.5 4.5"],
  chart: ["M5 20V11", "M12 20V4", "M19 20v-6"],
  leave: ["M14 4h5v16h-5", "M4 12h11", "M11 8l4 4-4 4"],
  flag: ["M6 21V4", "M6 5h12l-2.5 4L18 13H6"],
  down: ["M12 5v14", "M6 13l6 6 6-6"],
};

export function icon(name) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", "0 0 24 24");
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  for (const line of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    made.append(path);
  }
  return made;
}

/** A button with an icon alone, which says what it does to whoever asks. */
export function iconButton(name, label, click, props = {}) {
  return el("button", { type: "button", class: "quiet bare", "aria-label": label, title: label, on: { click }, ...props }, icon(name));
}
