/**
 * One question to the gateway, and what comes back, piece by piece, whichever way it comes: as events of one call, over a
 * WebSocket that resumes, or out of the line where every model is busy.
 * Each piece has its `kind`: head, line, link, thought, text, refusal, end, usage.
 */

import { ApiError, call, json } from "./api.js";
import { events } from "./events.js";
import { Talk, Unconnected, socketUrl } from "./socket.js";

const PATIENCE_SECONDS = 2; // for a place in line; then the page shows the line instead
const LOOK_MS = 1_500; // between looks at the line

/** What a caller stopped, and did not fail. */
export class Stopped extends Error {}

/** The pieces that answer a chat completion's body, until `signal` stops them. */
export async function* ask(request, { signal, overSocket = false }) {
  try {
    if (overSocket && socketUrl()) yield* askOverSocket(request, signal);
    else yield* askOverHttp(request, signal);
  } catch (fault) {
    if (signal.aborted) throw new Stopped();
    throw fault;
  }
}

async function* askOverSocket(request, signal) {
  try {
    yield* spoken(new Talk({ request }, signal), signal);
  } catch (fault) {
    if (!(fault instanceof Unconnected)) throw fault;
    yield* askOverHttp(request, signal); // nothing was asked yet
  }
}

async function* askOverHttp(request, signal) {
  const body = { ...request, stream: true, stream_options: { include_usage: true } };
  const answer = await call("POST", "v1/chat/completions", { body, signal, headers: { prefer: `wait=${PATIENCE_SECONDS}` } });
  if (answer.status === 202) return yield* inLine(await answer.json(), signal);
  const told = (name) => answer.headers.get(`x-tidegate-${name}`) ?? undefined;
  const similarity = told("similarity");
  const facts = { cache: told("cache"), target: told("target"), ...(similarity === undefined ? {} : { similarity: Number(similarity) }) };
  let isWhole = false;
  try {
    for await (const data of events(answer.body)) {
      isWhole ||= data === "[DONE]";
      if (!isWhole) yield* piecesOf(JSON.parse(data), facts);
    }
  } catch (fault) {
    throw fault instanceof ApiError || signal.aborted ? fault : lost();
  }
  if (!isWhole) throw lost();
}

/** What one chunk says. */
function* piecesOf(chunk, facts) {
  if (chunk.error) throw broken(chunk.error);
  const [choice] = chunk.choices;
  if (choice?.delta.role) yield { kind: "head", id: chunk.id, model: chunk.model, ...facts, ...chunk.tidegate };
  if (choice?.delta.reasoning_content) yield { kind: "thought", text: choice.delta.reasoning_content };
  if (choice?.delta.content) yield { kind: "text", text: choice.delta.content };
  if (choice?.delta.refusal) yield { kind: "refusal", text: choice.delta.refusal };
  if (choice?.finish_reason) yield { kind: "end", reason: choice.finish_reason };
  if (chunk.usage) yield { kind: "usage", usage: chunk.usage };
}

/** Out of the line: over a WebSocket as it is said, or whole when it is there. */
async function* inLine(job, signal) {
  const cancel = () => json("DELETE", `v1/jobs/${job.id}`).catch(() => {});
  signal.addEventListener("abort", cancel);
  try {
    yield place(job);
    if (socketUrl()) return yield* spoken(new Talk({ job: job.id }, signal), signal);
    yield* polled(job, signal);
  } catch (fault) {
    if (!(fault instanceof Unconnected)) throw fault;
    yield* polled(job, signal);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

async function* polled(job, signal) {
  for (;;) {
    if (job.status === "queued") yield place(job);
    if (job.status === "completed") return yield* wholeOf(job.response);
    if (job.status === "failed") throw broken(job.error);
    if (job.status === "cancelled") throw new Stopped();
    await pause(LOOK_MS, signal);
    job = await json("GET", `v1/jobs/${job.id}`, undefined, { signal });
  }
}

function* wholeOf(answer) {
  const [{ message, finish_reason }] = answer.choices;
  yield { kind: "head", id: answer.id, model: answer.model, cache: "miss" };
  if (message.reasoning_content) yield { kind: "thought", text: message.reasoning_content };
  if (message.content) yield { kind: "text", text: message.content };
  if (message.refusal) yield { kind: "refusal", text: message.refusal };
  yield { kind: "end", reason: finish_reason };
  yield { kind: "usage", usage: answer.usage };
}

/** What a WebSocket brings, with the place in line while it is silent. */
async function* spoken(talk, signal) {
  try {
    for (;;) {
      const frame = await talk.next(LOOK_MS);
      if (frame === null) {
        const job = talk.heard === 0 && talk.job ? await json("GET", `v1/jobs/${talk.job}`, undefined, { signal }) : null;
        if (job?.status === "queued") yield place(job);
      } else if (frame.type === "link") yield { kind: "link", isUp: frame.isUp };
      else if (frame.type === "chunk") yield* piecesOf(frame.data, {});
      else if (frame.type === "error") throw frame.error.type === "cancelled" ? new Stopped() : await refused(frame.error);
      else if (frame.type === "done") return void (yield ({ kind: "usage", usage: frame.usage }));
    }
  } finally {
    talk.end();
  }
}

function place(job) {
  return { kind: "line", position: job.position ?? 0, eta: job.eta_seconds ?? 0 };
}

const STATUS = { authentication_error: 401, permission_error: 403, rate_limit_error: 429, invalid_request_error: 400, conflict_error: 409 };

/** A fault that was told without a status. */
function broken(error) {
  return new ApiError(STATUS[error.type] ?? 502, error);
}

/** A fault over a WebSocket, which tells no time to wait: what is used up does. */
async function refused(error) {
  const fault = broken(error);
  if (fault.status !== 429) return fault;
  const lines = (await json("GET", "v1/usage").catch(() => ({ data: [] }))).data;
  const left = (line) => Math.min(...Object.keys(line.limit ?? {}).map((each) => (line.limit[each] ? line.remaining[each] / line.limit[each] : 1)));
  const tightest = lines.sort((one, other) => left(one) - left(other))[0];
  if (tightest && left(tightest) < 1) fault.retryAt = tightest.reset * 1000;
  return fault;
}

function lost() {
  return new ApiError(0, { message: "The connection was lost.", code: "connection_lost" });
}

function pause(millis, signal) {
  return new Promise((done, failed) => {
    const timer = setTimeout(done, millis);
    signal.addEventListener("abort", () => (clearTimeout(timer), failed(new Stopped())), { once: true });
  });
}
