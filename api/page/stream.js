// One run's events, whatever happens to the connection: read by fetch, resumed after the last event seen.

/** A problem document (RFC 9457), or what the network had to say. */
export class Problem extends Error {
  constructor(problem) {
    super(problem.detail || problem.title || "");
    this.problem = problem;
    this.status = problem.status || 0;
    this.retryable = problem.retryable !== false;
  }
}

export async function problemOf(response) {
  const seconds = Number(response.headers.get("Retry-After")) || undefined;
  try {
    return new Problem({ status: response.status, retry_after: seconds, ...(await response.json()) });
  } catch {
    return new Problem({ status: response.status, retry_after: seconds, title: response.statusText });
  }
}

/** Splits server-sent events; yields [id, name, data]. Comments keep the connection open and are passed over. */
export async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const silence = new Silence(() => reader.cancel().catch(() => undefined));
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      silence.broken();
      rest += value;
      let end;
      while ((end = rest.indexOf("\n\n")) >= 0) {
        const event = parse(rest.slice(0, end));
        rest = rest.slice(end + 2);
        if (event) yield event;
      }
    }
  } finally {
    silence.end();
    reader.cancel().catch(() => undefined);
  }
}

const LONGEST_SILENCE = 45_000; // milliseconds; a server says something every 15 seconds
const LOOK = 5_000;

/** Notices a connection that is dead and does not know it: after a sleep, or behind a network that has changed. */
class Silence {
  constructor(tooLong) {
    this.look = () => { if (Date.now() - this.last > LONGEST_SILENCE) tooLong(); };
    this.broken();
    this.timer = setInterval(this.look, LOOK);
    addEventListener("online", this.look);
    document.addEventListener("visibilitychange", this.look);
  }

  broken() { this.last = Date.now(); }

  end() {
    clearInterval(this.timer);
    removeEventListener("online", this.look);
    document.removeEventListener("visibilitychange", this.look);
  }
}

function parse(text) {
  let id = "", name = "message";
  const data = [];
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    const field = line.slice(0, colon);
    if (field === "id") id = value;
    else if (field === "event") name = value;
    else if (field === "data") data.push(value);
  }
  return data.length ? [id, name, JSON.parse(data.join("\n"))] : null;
}

const ENDS = new Set(["done", "error"]);
const SLICE = 12; // milliseconds of work after which the browser may draw
const LONGEST_FRAME = 50; // milliseconds to wait for a frame; a window that is not seen draws none

/**
 * Follows a run to its end. `open(last, signal)` makes the request: the first one asks, later ones resume after event `last`.
 * Calls `onEvent(name, data)` once an event; `onPause(true)` while the connection is lost.
 *
 * A stream that ends without `done` or `error` was cut, whatever the connection says of it.
 */
export async function follow({ open, onEvent, onPause, signal }) {
  const state = { last: 0, started: false };
  for (let failures = 0; !signal.aborted; failures++) {
    const before = state.last;
    try {
      if (await readOnce(await begin(open, state.last, signal), state, onEvent, onPause)) return;
    } catch (error) {
      if (signal.aborted || error instanceof Problem) throw error;
      if (!state.started) throw new Problem({ title: "network", status: 0 });
    }
    if (signal.aborted) return;
    onPause(true);
    if (state.last > before) failures = 0;
    await pause(failures ? Math.min(125 * 2 ** failures, 5000) : 50, signal);
  }
}

/** Makes the request. One that resumes is given up when no answer to it begins: its connection may be dead. */
async function begin(open, last, signal) {
  const attempt = new AbortController();
  const timer = last ? setTimeout(() => attempt.abort(), LONGEST_SILENCE) : 0;
  signal.addEventListener("abort", () => attempt.abort(), { once: true });
  try {
    return await open(last, attempt.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads one connection; true when the run has ended. */
async function readOnce(response, state, onEvent, onPause) {
  if (response.status === 204) return true;
  if (!response.ok) {
    if (!state.started || response.status < 500) throw await problemOf(response);
    return false; // it is starting again, or a proxy in front of it is
  }
  onPause(false);
  let drawn = performance.now();
  for await (const [id, name, data] of readEvents(response)) {
    const sequence = Number(id);
    if (id && sequence <= state.last) continue;
    if (id) state.last = sequence;
    state.started = true;
    onEvent(name, data);
    if (ENDS.has(name)) return true;
    if (name === "documents") await frame();
    else if (performance.now() - drawn > SLICE) await breath();
    else continue;
    drawn = performance.now();
  }
  return false;
}

/** Lets the browser draw and hear keys between two pieces of work. */
export function breath() {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { channel.port1.close(); resolve(); };
    channel.port2.postMessage(null);
  });
}

/** Lets the browser draw now, where it draws at all: what comes behind does not hold up what is there. */
function frame() {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LONGEST_FRAME);
    requestAnimationFrame(() => { clearTimeout(timer); breath().then(resolve); });
  });
}

/** Waits, but no longer than until the machine wakes or the network is back. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      removeEventListener("online", go);
      document.removeEventListener("visibilitychange", go);
      signal.removeEventListener("abort", go);
      resolve();
    };
    const timer = setTimeout(go, milliseconds);
    addEventListener("online", go);
    document.addEventListener("visibilitychange", go);
    signal.addEventListener("abort", go);
  });
}
