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

/**
 * Follows a run to its end. `open(last)` makes the request: the first one asks, later ones resume after event `last`.
 * Calls `onEvent(name, data)` once an event; `onPause(true)` while the connection is lost.
 */
export async function follow({ open, onEvent, onPause, signal }) {
  let last = 0, started = false, failures = 0;
  for (;;) {
    try {
      const response = await open(last);
      if (response.status === 204) return;
      if (!response.ok) {
        const problem = await problemOf(response);
        if (!started || response.status < 500) throw problem;
        throw new TypeError("unavailable");
      }
      onPause(false);
      for await (const [id, name, data] of readEvents(response)) {
        const sequence = Number(id);
        if (id && sequence <= last) continue;
        if (id) last = sequence;
        started = true;
        failures = 0;
        onEvent(name, data);
        if (ENDS.has(name)) return;
      }
    } catch (error) {
      if (signal.aborted || error instanceof Problem) throw error;
      if (!started) throw new Problem({ title: "network", status: 0 });
    }
    if (signal.aborted) return;
    onPause(true);
    failures += 1;
    await pause(Math.min(250 * 2 ** failures, 5000), signal);
  }
}

/** Waits, but no longer than until the machine wakes or the network is back. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      removeEventListener("online", go);
      document.removeEventListener("visibilitychange", go);
      resolve();
    };
    const timer = setTimeout(go, milliseconds);
    addEventListener("online", go, { once: true });
    document.addEventListener("visibilitychange", go, { once: true });
    signal.addEventListener("abort", go, { once: true });
  });
}
