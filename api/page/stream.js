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
  try {
    return new Problem({ status: response.status, ...(await response.json()) });
  } catch {
    return new Problem({ status: response.status, title: response.statusText });
  }
}

/** Splits server-sent events; yields [id, name, data]. Comments keep the connection open and are passed over. */
export async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      let end;
      while ((end = rest.indexOf("\n\n")) >= 0) {
        const event = parse(rest.slice(0, end));
        rest = rest.slice(end + 2);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => undefined);
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
const SLICE = 24; // milliseconds of work after which the browser may draw

/**
 * Follows a run to its end. `open(last)` makes the request: the first one asks, later ones resume after event `last`.
 * Calls `onEvent(name, data)` once an event; `onPause(true)` while the connection is lost.
 *
 * A stream that ends without `done` or `error` was cut, whatever the connection says of it.
 */
export async function follow({ open, onEvent, onPause, signal }) {
  const state = { last: 0, started: false };
  for (let failures = 0; !signal.aborted; failures++) {
    const before = state.last;
    try {
      if (await readOnce(await open(state.last), state, onEvent, onPause)) return;
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
    if (performance.now() - drawn > SLICE) {
      await breath();
      drawn = performance.now();
    }
  }
  return false;
}

/** Lets the browser draw and hear keys between two pieces of work. */
function breath() {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { channel.port1.close(); resolve(); };
    channel.port2.postMessage(null);
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
