/** A chat over the WebSocket: one connection each, and another one where it drops, which goes on behind the last chunk heard. */

import { ApiError } from "./api.js";
import { currentKey } from "./session.js";

const NAME = "page"; // what this side calls its chat
const WAITS_MS = [0, 300, 1_000, 2_000, 4_000, 8_000];
const GIVE_UP_MS = 180_000;
const SILENCE_MS = 20_000; // then a sign of life is asked for
const PONG_MS = 5_000;

/** No connection could be made, and nothing was asked over one. */
export class Unconnected extends Error {}

/** Where WebSockets open, as the server told this page; empty where they do not. */
export function socketUrl() {
  return document.querySelector('meta[name="socket"]')?.getAttribute("content") ?? "";
}

/** One chat: frames come out of `next` in order, each once, however often the connection drops. */
export class Talk {
  /** A `request` to ask, or a `job` to listen to; `signal` stops the answer. */
  constructor({ request, job = "" }, signal) {
    this.request = request;
    this.job = job;
    this.heard = 0;
    this.isOver = false;
    this.wasAsked = Boolean(job);
    this.tries = 0;
    this.downSince = 0;
    this.frames = [];
    this.wake = null;
    this.stop = () => this.cancel();
    this.back = () => this.isDown && this.open();
    signal.addEventListener("abort", this.stop, { once: true });
    window.addEventListener("online", this.back);
    this.open();
  }

  get isDown() {
    return this.downSince > 0;
  }

  /** The next frame, or null where none came in time; throws what ended the chat. */
  async next(millis) {
    if (!this.frames.length) {
      await new Promise((done) => {
        const timer = setTimeout(done, millis);
        this.wake = () => (clearTimeout(timer), done(undefined));
      });
    }
    const frame = this.frames.shift() ?? null;
    if (frame instanceof Error) throw frame;
    return frame;
  }

  /** Let go of everything. */
  end() {
    this.isOver = true;
    clearTimeout(this.retry);
    clearTimeout(this.watch);
    window.removeEventListener("online", this.back);
    this.socket?.close();
  }

  cancel() {
    if (this.socket?.readyState === WebSocket.OPEN && this.wasAsked) this.say({ type: "cancel", id: NAME });
    else this.tell(new Error("stopped"));
  }

  open() {
    clearTimeout(this.retry);
    this.drop();
    const socket = (this.socket = new WebSocket(socketUrl()));
    socket.onopen = () => this.say({ type: "auth", key: currentKey() });
    socket.onmessage = (event) => socket === this.socket && this.hear(JSON.parse(event.data));
    socket.onclose = () => socket === this.socket && !this.isOver && this.lose();
    this.listen();
  }

  /** Leave a connection of which nothing more is expected. */
  drop() {
    const old = this.socket;
    this.socket = undefined;
    old?.close();
  }

  hear(frame) {
    this.listen();
    if (frame.type === "ready") this.begin();
    else if (frame.type === "accepted") this.job = frame.job ?? this.job;
    else if (frame.type === "chunk") this.chunk(frame);
    else if (frame.type === "done" || frame.type === "error") this.tell(frame);
  }

  begin() {
    if (this.isDown && this.wasAsked) this.tell({ type: "link", isUp: true });
    this.downSince = 0;
    this.tries = 0;
    if (this.job) this.say({ type: "resume", job: this.job, after: this.heard, id: NAME });
    else this.say({ type: "chat", id: NAME, request: this.request });
    this.wasAsked = true;
  }

  chunk(frame) {
    if (frame.seq <= this.heard) return;
    if (frame.seq > this.heard + 1 && this.job) return this.lose();
    this.heard = frame.seq;
    this.tell(frame);
  }

  /** The connection is gone: another one is tried, unless nobody knows what became of the question. */
  lose() {
    this.drop();
    if (!this.wasAsked) return this.tell(new Unconnected());
    const now = Date.now();
    if (!this.job || (this.isDown && now - this.downSince > GIVE_UP_MS)) {
      return this.tell(new ApiError(0, { message: "The connection was lost.", code: "connection_lost" }));
    }
    if (!this.isDown) {
      this.downSince = now;
      this.tell({ type: "link", isUp: false });
    }
    this.retry = setTimeout(() => this.open(), WAITS_MS[Math.min(this.tries, WAITS_MS.length - 1)]);
    this.tries += 1;
  }

  /** Take a long silence for a lost connection, unless it answers. */
  listen() {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => {
      if (this.socket?.readyState === WebSocket.OPEN) this.say({ type: "ping" });
      this.watch = setTimeout(() => this.lose(), PONG_MS);
    }, SILENCE_MS);
  }

  say(frame) {
    this.socket?.send(JSON.stringify(frame));
  }

  tell(frame) {
    this.frames.push(frame);
    this.wake?.();
  }
}
