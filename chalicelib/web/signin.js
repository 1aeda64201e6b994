/** The way in: a key is asked for, tried, and kept. */

import { ApiError, json } from "./api.js";
import { confirmed, el, fill, icon } from "./dom.js";
import { explain } from "./faults.js";
import { currentKey, keepKey, keyIsKept } from "./session.js";

const FORM = /^[\x21-\x7e]{8,256}$/;

/** The models that a key may use. */
async function models(options = {}) {
  return (await json("GET", "v1/models", undefined, options)).data;
}

/** Show the way in until a key is good; gives what the `attempt` with it gave: the models that it may use. */
export async function signIn(place, { lead, why = "", attempt = models }) {
  if (currentKey() && !why) {
    try {
      return await attempt({});
    } catch (fault) {
      why = explain(fault).text;
      if (fault.status === 401) keepKey("", false);
    }
  }
  return new Promise((signedIn) => fill(place, door({ lead, why, attempt, signedIn })));
}

function door({ lead, why, attempt, signedIn }) {
  const key = el("input", {
    id: "key", type: "password", autocomplete: "off", autocapitalize: "none", spellcheck: false, required: true,
    placeholder: "tg_live_…", "aria-describedby": "key-help",
  });
  const remember = el("input", { type: "checkbox", id: "remember" });
  const button = el("button", { class: "primary", type: "submit" }, "Sign in");
  const told = el("div", { role: "alert" });
  const say = (text) => fill(told, ...(text ? [el("div", { class: "note bad" }, el("p", {}, text))] : []));

  async function submit(event) {
    event.preventDefault();
    const given = key.value.trim();
    if (!FORM.test(given)) return refuse("That is not a key: keys begin with tg_ and have no spaces.");
    button.disabled = true;
    say("");
    try {
      const found = await attempt({ key: given });
      keepKey(given, remember.checked);
      signedIn(found);
    } catch (fault) {
      refuse(explain(fault).text);
    } finally {
      button.disabled = false;
    }
  }

  function refuse(text) {
    say(text);
    key.setAttribute("aria-invalid", "true");
    key.focus();
    key.select();
  }

  say(why);
  const form = el(
    "form", { on: { submit }, noValidate: true },
    el("div", { class: "words" },
      el("span", { class: "brand" }, icon("tide"), "Tidegate"),
      el("h1", {}, "Sign in"),
      el("p", { class: "soft" }, lead)),
    told,
    el("div", { class: "field" },
      el("label", { for: "key" }, "API key"),
      key,
      el("p", { class: "soft", id: "key-help" }, "Whoever runs this gateway gives you one. It is sent to this gateway and nowhere else.")),
    el("label", { class: "check" }, remember, el("span", {}, "Keep it until this tab is closed")),
    button,
  );
  queueMicrotask(() => key.focus());
  return el("main", { class: "door" }, form);
}

/** The way to the other page: it has the key only if the tab may keep it. */
async function cross(event) {
  const link = event.target.closest('a[href="usage"], a[href="./"]');
  if (!link || keyIsKept() || !currentKey() || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const words = "Only this page knows it. The other one asks for it again, unless this tab may keep it until it is closed.";
  const keep = await confirmed("Take your key along?", words, "Keep it and go", "Go without", "primary");
  if (keep === "yes") keepKey(currentKey(), true);
  if (keep) location.assign(link.href);
}

document.addEventListener("click", cross);
