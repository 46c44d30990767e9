// Every request the page makes. A key, where the server wants one, is asked for once and sent as a header only.
import { Problem, problemOf } from "./stream.js";

const KEY = "footnote.key";
let askForKey = async () => null;

/** `ask()` resolves to a key the reader typed, or null. */
export function setKeyPrompt(ask) { askForKey = ask; }

export async function send(method, path, { body, headers = {}, signal } = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const request = { method, signal, headers: { ...headers }, cache: "no-store", credentials: "omit" };
    if (key) request.headers.Authorization = `Bearer ${key}`;
    if (body !== undefined) {
      request.headers["Content-Type"] = "application/json";
      request.body = JSON.stringify(body);
    }
    const response = await fetch(path, request);
    if (response.status !== 401) return response;
    const typed = await askForKey(Boolean(key));
    if (!typed) return response;
    sessionStorage.setItem(KEY, typed);
  }
}

async function json(method, path, options) {
  let response;
  try {
    response = await send(method, path, { headers: { Accept: "application/json" }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ title: "network", status: 0 });
  }
  if (!response.ok) throw await problemOf(response);
  return response.status === 204 ? null : response.json();
}

const part = encodeURIComponent;
const stream = { Accept: "text/event-stream" };

export const ask = (body, signal) => send("POST", "ask", { body, signal, headers: stream });
export const runEvents = (id, last, signal) =>
  send("GET", `runs/${part(id)}/events`, { signal, headers: last ? { ...stream, "Last-Event-ID": String(last) } : stream });
export const run = (id) => json("GET", `runs/${part(id)}`);
export const cancelRun = (id) => json("POST", `runs/${part(id)}/cancel`);
export const rate = (id, rating) => json("PUT", `runs/${part(id)}/feedback`, { body: { rating } });
export const threads = () => json("GET", "threads");
export const thread = (id) => json("GET", `threads/${part(id)}`);
export const renameThread = (id, title) => json("PATCH", `threads/${part(id)}`, { body: { title } });
export const deleteThread = (id) => json("DELETE", `threads/${part(id)}`);
export const sources = () => json("GET", "sources");
export const addSources = (body) => json("POST", "sources", { body });
export const jobEvents = (id, last, signal) =>
  send("GET", `sources/jobs/${part(id)}/events`, { signal, headers: last ? { ...stream, "Last-Event-ID": String(last) } : stream });
export const removeSource = (url) => json("DELETE", `sources?url=${part(url)}`);
export const documentById = (id) => json("GET", `documents/${part(id)}`);
