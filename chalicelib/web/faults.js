/** What went wrong, in words that say what to do. */

import { ApiError } from "./api.js";
import { untilWords } from "./format.js";

const OTHERWISE = "Try again, or choose another model.";
const BUSY = ["{model} is busy", `It takes nothing more just now. ${OTHERWISE}`];
const BY_CODE = {
  unreachable: ["No connection", "The gateway could not be reached. Check your network, then try again."],
  connection_lost: ["The connection was lost", "Ask again to have the whole answer."],
  model_not_found: ["No such model", "This key may not use that model. Choose another one below."],
  context_length_exceeded: ["Too long for this model", "The message does not fit into what the model can read at once. Shorten it."],
  payload_too_large: ["Too long", "The message is larger than 5 MiB. Shorten it."],
  model_timeout: ["The model took too long", `It gave no whole answer in time. ${OTHERWISE}`],
  model_rejected: ["The model refused the request", ""],
  model_unavailable: ["{model} does not answer", `It is away, or broken. ${OTHERWISE}`],
  model_not_ready: ["{model} is starting", `It is not up yet. ${OTHERWISE}`],
  model_throttled: BUSY,
  model_overloaded: BUSY,
  job_expired: ["It waited too long", "The line was longer than anybody waits. Nothing was charged; try again later."],
  insufficient_permissions: ["Not with this key", "This key may not chat. Ask whoever runs the gateway for one that may."],
  store_unavailable: ["The gateway is not well", "Its database does not answer just now."],
  home_away: ["The gateway is not well", "The place where this key's data is kept does not answer just now."],
};

const BY_STATUS = {
  400: ["This cannot be asked", ""],
  401: ["The key is not good", "It is unknown, has expired, or was revoked. Sign in with another one."],
  402: ["The budget is used up", ""],
  403: ["Not allowed", ""],
  404: ["Not there", "It was deleted, or it never was yours."],
  409: ["Busy", "Something else is changing this conversation. Try again."],
  429: ["A limit is reached", ""],
  502: ["The model failed", `It answered with something that is no answer. ${OTHERWISE}`],
  503: ["Not just now", "The gateway cannot take this at the moment."],
  504: ["It took too long", "No answer came in time. Try again."],
};

/** A fault as it is told; `until`: when to try again, in milliseconds of the clock, if that is known; `wait`: what for. */
export function explain(fault) {
  if (!(fault instanceof ApiError)) return { title: "Something went wrong", text: String(fault?.message ?? fault), again: true };
  const [title, text] = BY_CODE[fault.code] ?? BY_STATUS[fault.status] ?? ["Something went wrong", ""];
  const isLimit = fault.status === 429 || fault.status === 402;
  const words = isLimit ? limit(fault) : text || fault.message;
  return {
    title: title.replace("{model}", fault.model ?? "The model"),
    text: fault.status === 503 ? `${words} Nothing was charged.` : words,
    until: fault.retryAt,
    wait: isLimit ? "Room again" : "Worth another try",
    again: !fault.isFinal && fault.status !== 401,
    signOut: fault.status === 401,
  };
}

function limit(fault) {
  const said = fault.message.replace(/^Limit \w+: /, "").replace(/ Try again in [^.]*\.$/, "");
  const words = said.charAt(0).toUpperCase() + said.slice(1);
  return fault.isFinal ? `${words} No waiting helps: ask for a larger plan.` : words;
}

/** What is said while waiting for `until`; it changes each second. `what` is to be then. */
export function waiting(until, what, now = Date.now()) {
  if (until <= now) return `${what} now.`;
  const clock = new Date(until).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return `${what} in ${untilWords(until - now)}, at ${clock}.`;
}
