/** The public API, as a page calls it: relative to where the page is, and with the key of whoever is signed in. */

import { currentKey, forgetKey } from "./session.js";

/** What the API refused, or that it could not be reached (status 0). */
export class ApiError extends Error {
  constructor(status, detail, headers) {
    super(detail.message ?? "");
    this.status = status;
    this.code = detail.code ?? "";
    const wait = Number(headers?.get("retry-after"));
    this.retryAt = wait > 0 ? Date.now() + wait * 1000 : null;
    this.isFinal = headers?.get("x-should-retry") === "false";
  }
}

/** Call the API, at a `path` without a slash before it; every answer that is no success is thrown as an `ApiError`. */
export async function call(method, path, { body, headers = {}, signal, key = currentKey() } = {}) {
  const sent = { ...headers, authorization: `Bearer ${key}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
  } catch (fault) {
    if (signal?.aborted) throw fault;
    throw new ApiError(0, { message: "The gateway could not be reached.", code: "unreachable" });
  }
  if (answer.ok) return answer;
  const fault = new ApiError(answer.status, await detailOf(answer), answer.headers);
  if (fault.status === 401 && key === currentKey()) dropKey();
  throw fault;
}

/** Forget a key that is no longer good, and let the page ask for another. */
export function dropKey() {
  forgetKey();
  document.dispatchEvent(new Event("signed-out"));
}

/** Call the API for JSON. */
export async function json(method, path, body = undefined, options = {}) {
  return (await call(method, path, { body, ...options })).json();
}

/** Every entry of a list that comes in pages, the newest first. */
export async function* pages(path) {
  for (let after = ""; ; ) {
    const page = await json("GET", `${path}?limit=100${after && `&after=${encodeURIComponent(after)}`}`);
    yield page.data;
    if (!page.has_more) return;
    after = page.last_id;
  }
}

async function detailOf(answer) {
  try {
    const body = await answer.json();
    return body.error ?? { message: body.message };
  } catch {
    return { message: answer.statusText };
  }
}
