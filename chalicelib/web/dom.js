/** Elements made by hand: text is text, and nothing here reads markup. */

/** An element. Of `props`, `class`, `role`, `for` and names with a dash are attributes, `on` has listeners. */
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  if (tag === "button") made.type = "button"; // unless `props` says otherwise
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

/** Ask before something that is not easily taken back: "yes", "no", or nothing where the question is waved away. */
export function confirmed(title, text, yes, no = "Cancel", kind = "danger") {
  return new Promise((done) => {
    const answer = (value, name, props) => el("button", { onclick: () => dialog.close(value), ...props }, name);
    const dialog = el(
      "dialog", { "aria-labelledby": "asked", onclose: () => (dialog.remove(), done(dialog.returnValue)) },
      el("h2", { id: "asked" }, title), el("p", {}, text),
      el("div", { class: "row" }, answer("no", no, { autofocus: true }), answer("yes", yes, { class: kind })));
    document.body.append(dialog);
    dialog.showModal();
  });
}

const SVG = "http://www.w3.org/2000/svg";

/** Lines of an icon, in a square of 24. */
const PATHS = {
  tide: "M3 9c3-2.7 6-2.7 9 0s6 2.7 9 0M3 16c3-2.7 6-2.7 9 0s6 2.7 9 0",
  plus: "M12 5v14M5 12h14",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M8 8h8v8H8z",
  copy: "M9 9h10v11H9zM5 15V4h10",
  done: "M5 12.5l4.5 4.5L19 7.5",
  again: "M20 11a8 8 0 1 0-2.3 6.3M20 4v7h-7",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  bin: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.5 4.5",
  chart: "M5 20V11M12 20V4M19 20v-6",
  leave: "M14 4h5v16h-5M4 12h11M11 8l4 4-4 4",
  flag: "M6 21V4M6 5h12l-2.5 4L18 13H6",
  down: "M12 5v14M6 13l6 6 6-6",
};

export function icon(name) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", "0 0 24 24");
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  made.append(path);
  return made;
}

/** A button with an icon alone, which says what it does to whoever asks. */
export function iconButton(name, label, onclick, props = {}) {
  return relabel(el("button", { class: "quiet bare", onclick, ...props }), name, label);
}

/** Give a button another icon and another name. */
export function relabel(button, name, label) {
  button.title = label;
  button.setAttribute("aria-label", label);
  return fill(button, icon(name));
}
