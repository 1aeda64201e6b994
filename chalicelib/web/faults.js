/** What went wrong, in words that say what to do. */

import { ApiError } from "./api.js";
import { untilWords } from "./format.js";

/** @typedef {{title: string, text: string, until: number | null, again: boolean, signOut: boolean}} Told */

const BY_CODE = {
  unreachable: ["No connection", "The gateway could not be reached. Check your network, then try again."],
  connection_lost: ["The connection was lost", "What had arrived is kept. Ask again to have the whole answer."],
  model_not_found: ["No such model", "This key may not use that model. Choose another one below."],
  context_length_exceeded: ["Too long for this model", "The message does not fit into what the model can read at once. Shorten it."],
  payload_too_large: ["Too long", "The message is larger than 5 MiB. Shorten it."],
  model_timeout: ["The model took too long", "It gave no whole answer in time. Try again, or choose another model."],
  model_rejected: ["The model refused the request", ""],
  job_expired: ["It waited too long", "The line was longer than anybody waits. Nothing was charged; try again later."],
  insufficient_permissions: ["Not with this key", "This key may not chat. Ask whoever runs the gateway for the scope “chat”."],
  store_unavailable: ["The gateway is not well", "Its database does not answer just now. Nothing was charged."],
  home_away: ["Another Region is away", "The Region that is home to this key does not answer just now. Nothing was charged."],
};

const BY_STATUS = {
  401: ["The key is not good", "It is unknown, has expired, or was revoked. Sign in with another one."],
  402: ["The budget is used up", ""],
  403: ["Not allowed", ""],
  404: ["Not there", "It was deleted, or it never was yours."],
  409: ["Busy", "Something else is changing this conversation. Try again."],
  429: ["A limit is reached", ""],
  502: ["The model failed", "It answered with something that is no answer. Try again, or choose another model."],
  503: ["No model can take this now", "They are busy, or away. Nothing was charged."],
  504: ["It took too long", "No answer came in time. Try again."],
};

/** A fault as it is told; `until`: when to try again, in milliseconds of the clock, if that is known. */
export function explain(fault) {
  if (!(fault instanceof ApiError)) return told("Something went wrong", String(fault?.message ?? fault));
  const [title, text] = BY_CODE[fault.code] ?? BY_STATUS[fault.status] ?? ["Something went wrong", ""];
  const words = fault.status === 429 || fault.status === 402 ? limit(fault) : text || fault.message;
  return { ...told(title, words), until: fault.retryAt, again: !fault.isFinal && fault.status !== 401, signOut: fault.status === 401 };
}

function told(title, text) {
  return { title, text, until: null, again: true, signOut: false };
}

function limit(fault) {
  const said = fault.message.replace(/^Limit \w+: /, "").replace(/ Try again in [^.]*\.$/, "");
  const words = said.charAt(0).toUpperCase() + said.slice(1);
  return fault.isFinal ? `${words} No waiting helps: ask for a larger plan.` : words;
}

/** What is said while waiting for `until`; it changes each second. */
export function waiting(until, now = Date.now()) {
  if (until <= now) return "There should be room again now.";
  const clock = new Date(until).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return `Room again in ${untilWords(until - now)}, at ${clock}.`;
}
