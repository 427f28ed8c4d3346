// Presses that Python has not acknowledged: kept in the tab, sent as one batch at a time.
//
// The next batch goes when the last is acknowledged, so a burst never interrupts the run that is
// handling its beginning; if no answer comes, the same batch is sent again, less and less often.
// Python counts each press once, by client and sequence number.
const OUTBOX = Symbol.for("dvgs.actions");
const PATIENCE = 2000; // ms until an unanswered batch is sent again
const LONGEST = 16000;
const RECONNECTED = 400; // ms between two looks at a broken connection
const shared = (window[OUTBOX] ??= { boxes: new Map(), active: null });

class Outbox {
  constructor(token) {
    this.token = token;
    this.pending = [];
    this.last = 0;
    this.acknowledged = 0;
    this.cursor = null;
    this.held = []; // presses that wait until an undo has said where the cursor is
    this.sentUpTo = 0;
    this.patience = PATIENCE;
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.name) ?? "{}");
      this.pending = kept.pending ?? [];
      this.last = kept.last ?? 0;
      this.client = kept.client;
    } catch {
      // storage may be closed to us: presses then last as long as the page
    }
    this.client ??= crypto.getRandomValues(new Uint32Array(2)).join("");
  }

  get name() {
    return `dvgs-actions:${this.token}`;
  }

  keep() {
    const { client, last, pending } = this;
    try {
      sessionStorage.setItem(this.name, JSON.stringify({ client, last, pending }));
    } catch {
      // as above
    }
  }

  add(event) {
    // grows with time, so that a new tab's presses never look acknowledged already
    this.last = Math.max(this.last + 1, this.acknowledged + 1, Date.now());
    const newest = this.pending[this.pending.length - 1];
    // of several moves in a row only the last matters, unless it is on its way already
    if (event.action === "go" && newest?.action === "go" && newest.sequence > this.sentUpTo) {
      this.pending.pop();
    }
    this.pending.push({ sequence: this.last, at: Date.now(), ...event });
    this.keep();
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.flush(), 0);
  }

  // returns whether a decision of this tab was saved
  acknowledge(sequence) {
    this.acknowledged = Math.max(this.acknowledged, sequence);
    const before = this.pending;
    this.pending = before.filter((event) => event.sequence > this.acknowledged);
    if (this.pending.length !== before.length) this.keep();
    const saved = before.some((event) => event.sequence <= this.acknowledged && event.action !== "go");
    if (this.sentUpTo <= this.acknowledged) {
      clearTimeout(this.again);
      this.again = null;
      this.patience = PATIENCE;
      if (this.pending.length) this.flush();
    }
    return saved;
  }

  // a new mount cannot know whether the last batch arrived
  reconnect(send) {
    this.send = send;
    this.sentUpTo = 0;
    this.patience = PATIENCE;
    clearTimeout(this.again);
    this.again = null;
  }

  disconnect() {
    this.send = null;
    clearTimeout(this.again);
    this.again = null;
  }

  flush(again = false) {
    if (!this.send || !this.pending.length || (this.again && !again)) return;
    this.sentUpTo = this.pending[this.pending.length - 1].sequence;
    const moving = this.undoing ? null : this.cursor;
    this.send({
      token: this.token,
      client: this.client,
      cursor: moving,
      batch: this.pending.map(({ at, ...event }) => event),
    });
    this.again = setTimeout(() => this.repeat(), this.patience);
  }

  repeat() {
    const app = document.querySelector('[data-testid="stApp"]')?.dataset;
    const connection = app?.testConnectionState ?? "CONNECTED";
    if (connection !== "CONNECTED") {
      this.patience = PATIENCE;
      this.again = setTimeout(() => this.repeat(), RECONNECTED);
      return;
    }
    // asking again would interrupt a slow run that is about to answer
    if (app?.testScriptState !== "running" || this.patience >= LONGEST) this.flush(true);
    else this.again = setTimeout(() => this.repeat(), this.patience);
    this.patience = Math.min(LONGEST, this.patience * 2);
  }

  get undoing() {
    return this.pending.some(({ action }) => action === "undo" || action === "redo");
  }
}

function outboxOf(token) {
  if (!shared.boxes.has(token)) shared.boxes.set(token, new Outbox(token));
  return shared.boxes.get(token);
}
