// The live stream: one per browser, however many tabs.
//
// Over HTTP/1.1 a browser opens six connections to a host, so a stream per tab would hang the sixth tab. The tab that
// holds the Web Lock leads: it owns the EventSource and hands every frame to the others over a BroadcastChannel. When
// it is closed the browser gives the lock to the next one; when it is frozen (phones), a visible tab that hears nothing
// takes the lock away. Frames can be applied twice without harm, so handing over may repeat but never lose.
// Web Locks exist on HTTPS and localhost only; elsewhere the visible tab holds the stream.

import { LIVE } from "./api.js";

const KINDS = ["hello", "answer", "done", "feedback", "list", "turn", "path", "model", "gone"];
const ASK_EVERY_MS = 5000;
const SILENCE_MS = 12000;
const RECONNECT_MS = [1000, 2000, 5000, 10000];

/** Text that grows by frames. Positions count code points, as the server's do; a JavaScript string counts otherwise. */
export class Growing {
  constructor(text = "") {
    this.text = text;
    this.points = [...text].length;
  }

  /** Put `piece` at `seq`. False when something before it is missing. */
  put(seq, piece) {
    if (seq > this.points) return false;
    const size = [...piece].length;
    if (seq === this.points) this.text += piece;
    else if (seq + size <= this.points) return true; // known already
    else this.text = [...this.text].slice(0, seq).join("") + piece;
    this.points = seq + size;
    return true;
  }
}

export class Live {
  /** `onFrame(kind, data)` gets every frame; `onConnection(isUp)` hears of the stream in every tab. */
  constructor(onFrame, onConnection) {
    this.onFrame = onFrame;
    this.onConnection = onConnection;
    this.tab = Math.random().toString(36).slice(2);
    this.running = new Map(); // of the leader: answer id -> {conversation_id, growing}
    this.model = null;
    this.source = null;
    this.failures = 0;
    this.isLeading = false;
    this.channel = new BroadcastChannel("debrief-live");
    this.channel.onmessage = (event) => this.hear(event.data);
  }

  start() {
    if (navigator.locks) {
      this.lead();
      this.heardAt = Date.now();
      setInterval(() => this.checkLeader(), ASK_EVERY_MS);
    } else {
      const follow = () => (document.visibilityState === "visible" ? this.connect() : this.disconnect());
      document.addEventListener("visibilitychange", follow);
      follow();
    }
    this.ask();
  }

  /** Ask the leader to say again what is going on; it answers with whole texts. */
  ask() {
    if (this.isLeading) return;
    this.channel.postMessage({ ask: this.tab });
  }

  /** Begin again at the server: after a hole in the frames, or when the page was asleep. */
  restart() {
    if (!this.source) return this.ask();
    this.disconnect();
    this.connect();
  }

  async lead(options = {}) {
    try {
      await navigator.locks.request("debrief-live", options, () => {
        this.isLeading = true;
        this.connect();
        return new Promise(() => {});
      });
    } catch {
      // Another tab took the lock because this one did not answer.
      this.isLeading = false;
      this.disconnect();
      this.heardAt = Date.now();
      this.lead();
    }
  }

  checkLeader() {
    if (this.isLeading || document.visibilityState !== "visible") {
      this.heardAt = Date.now();
      return;
    }
    if (Date.now() - this.heardAt > SILENCE_MS) {
      this.heardAt = Date.now();
      this.lead({ steal: true });
    } else {
      this.ask();
    }
  }

  hear(note) {
    if ("isUp" in note) return this.onConnection(note.isUp);
    if (note.ask) {
      if (this.isLeading) this.channel.postMessage({ to: note.ask, frames: this.snapshot() });
      return;
    }
    this.heardAt = Date.now();
    if (note.to && note.to !== this.tab) return;
    for (const [kind, data] of note.frames) this.onFrame(kind, data);
  }

  snapshot() {
    const answers = [...this.running].map(([id, answer]) => [
      "answer",
      { id, conversation_id: answer.conversation_id, seq: 0, text: answer.growing.text },
    ]);
    return this.model ? [["model", this.model], ...answers] : answers;
  }

  connect() {
    if (this.source) return;
    const source = new EventSource(LIVE());
    this.source = source;
    for (const kind of KINDS) source.addEventListener(kind, (event) => this.take(kind, JSON.parse(event.data)));
    source.onopen = () => {
      this.failures = 0;
      this.tellConnection(true);
    };
    source.onerror = () => {
      this.tellConnection(false);
      if (source.readyState !== EventSource.CLOSED || this.source !== source) return; // it tries again by itself
      this.disconnect();
      const wait = RECONNECT_MS[Math.min(this.failures++, RECONNECT_MS.length - 1)];
      setTimeout(() => this.mayConnect() && this.connect(), wait);
    };
  }

  tellConnection(isUp) {
    this.onConnection(isUp);
    this.channel.postMessage({ isUp });
  }

  mayConnect() {
    return navigator.locks ? this.isLeading : document.visibilityState === "visible";
  }

  disconnect() {
    this.source?.close();
    this.source = null;
  }

  take(kind, data) {
    this.remember(kind, data);
    this.onFrame(kind, data);
    this.channel.postMessage({ frames: [[kind, data]] });
  }

  remember(kind, data) {
    if (kind === "hello") {
      this.model = data.model;
      for (const id of this.running.keys()) if (!data.running.includes(id)) this.running.delete(id);
    } else if (kind === "model") {
      this.model = data;
    } else if (kind === "done") {
      this.running.delete(data.id);
    } else if (kind === "answer") {
      const known = this.running.get(data.id) ?? { conversation_id: data.conversation_id, growing: new Growing() };
      this.running.set(data.id, known);
      if (!known.growing.put(data.seq, data.text)) this.restart();
    }
  }
}
