// Every request the page makes. A key, where the server wants one, is asked for once and sent as a header only.
import { Problem, problemOf } from "./stream.js";

const KEY = "footnote.key";
let askForKey = async () => null;
let asking = null; // one dialog for all requests that wait for a key

/** `ask(again)` resolves to a key the reader typed, or null. */
export function setKeyPrompt(ask) { askForKey = ask; }

async function newKey(refused) {
  const stored = sessionStorage.getItem(KEY);
  if (stored && stored !== refused) return stored;
  asking ||= askForKey(Boolean(refused)).finally(() => { asking = null; });
  const typed = await asking;
  if (typed) sessionStorage.setItem(KEY, typed);
  return typed;
}

/** A header takes Latin-1 only; another key cannot be right, and is sent so that the server says so. */
const inHeader = (key) => (/^[\x21-\x7e]+$/.test(key) ? key : encodeURIComponent(key));

export async function send(method, path, { body, headers = {}, signal } = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const request = { method, signal, headers: { ...headers }, cache: "no-store", credentials: "omit", redirect: "error" };
    if (key) request.headers.Authorization = `Bearer ${inHeader(key)}`;
    if (body !== undefined) {
      request.headers["Content-Type"] = "application/json";
      request.body = JSON.stringify(body);
    }
    const response = await fetch(path, request);
    if (response.status !== 401) return response;
    if (!(await newKey(key))) return response;
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
  if (response.status === 204) return null;
  return response.json().catch(() => { throw new Problem({ title: "malformed", status: 404, type: ":not-found" }); });
}

const part = encodeURIComponent;
const stream = { Accept: "text/event-stream" };

export const ask = (body, signal) => send("POST", "ask", { body, signal, headers: stream });
export const runEvents = (id, last, signal) =>
  send("GET", `runs/${part(id)}/events`, { signal, headers: last ? { ...stream, "Last-Event-ID": String(last) } : stream });
export const run = (id) => json("GET", `runs/${part(id)}`);
export const cancelRun = (id) => json("POST", `runs/${part(id)}/cancel`);
export const rate = (id, rating) => json("PUT", `runs/${part(id)}/feedback`, { body: { rating } });
export const threads = () => json("GET", "threads?limit=500");
export const thread = (id) => json("GET", `threads/${part(id)}`);
export const renameThread = (id, title) => json("PATCH", `threads/${part(id)}`, { body: { title } });
export const deleteThread = (id) => json("DELETE", `threads/${part(id)}`);
export const firstSources = () => json("GET", "sources?limit=200");
export const sources = () => json("GET", "sources");
export const health = () => json("GET", "health/ready");
export const addSources = (body) => json("POST", "sources", { body });
export const jobs = () => json("GET", "sources/jobs");
export const cancelJob = (id) => json("POST", `sources/jobs/${part(id)}/cancel`);
export const jobEvents = (id, last, signal) =>
  send("GET", `sources/jobs/${part(id)}/events`, { signal, headers: last ? { ...stream, "Last-Event-ID": String(last) } : stream });
export const removeSource = (url) => json("DELETE", `sources?url=${part(url)}`);
export const documentById = (id) => json("GET", `documents/${part(id)}`);
