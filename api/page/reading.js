// The stored text of a document, with the quote marked: for when the live page has changed or is a local file.
import * as api from "./api.js";
import { byId, el, outward } from "./dom.js";
import { Problem } from "./stream.js";
import { ago, say } from "./words.js";

const KEPT = 500;
const kept = new Map(); // documents of the answers on the page, by id: what they said then

/** Remembers documents, so that their words can be read after their page has changed. */
export function keep(documents) {
  for (const document of documents) {
    kept.delete(document.id);
    kept.set(document.id, document);
  }
  for (const id of kept.keys()) {
    if (kept.size <= KEPT) break;
    kept.delete(id);
  }
}

/** `stillHere()` tells whether the reader still waits for it. */
export async function showReading(id, query, stillHere) {
  const view = byId("view-reading");
  view.replaceChildren(el("p.quiet.waiting", { text: say("loading") }));
  const number = (name) => (query.has(name) ? Number(query.get(name)) : -1);
  const { document, text, at, old } = await find(id, query.get("run"));
  if (!stillHere()) return;
  const points = Array.from(text);
  const start = at + number("start"), end = at + number("end");
  const marked = query.has("start") && start >= 0 && end > start && end <= points.length;
  const from = marked ? start : at, to = marked ? end : at + Array.from(document.text).length;
  const whole = !marked && from === 0 && to >= points.length;
  view.replaceChildren(
    el("p.back", {}, el("a", { href: "#/", text: say("back"), onclick: goBack })),
    el("h1", { id: "reading-title", dir: "auto", tabindex: -1, text: document.title || say("untitled") }),
    document.section?.length ? el("p.quiet", { dir: "auto", text: document.section.join(" › ") }) : "",
    el("p.quiet", {}, [`${say(old ? "oldNote" : "storedNote", ago(document.fetched_at))} `, outward(document.link || document.url, document.url)]),
    el("div.text", { dir: "auto" }, whole ? [text] : [
      points.slice(0, from).join(""), el("mark", { text: points.slice(from, to).join("") }), points.slice(to).join(""),
    ]),
  );
  byId("reading-title").focus({ preventScroll: true });
  view.querySelector("mark")?.scrollIntoView({ block: "center" });
}

function goBack(event) {
  if (history.length > 1) { event.preventDefault(); history.back(); }
}

/** The page's text and where the document begins in it; or what the answer was given, when the page has changed. */
async function find(id, runId) {
  try {
    const document = await api.documentById(id);
    return document.page_text === undefined
      ? { document, text: document.text, at: 0 }
      : { document, text: document.page_text, at: document.start };
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 404) throw error;
    const document = kept.get(id) || (await inRun(runId, id));
    if (!document) throw Object.assign(error, { instead: { notFound: "documentGone" } });
    return { document, text: document.text, at: 0, old: true };
  }
}

async function inRun(runId, id) {
  if (!runId) return null;
  const { result } = await api.run(runId).catch(() => ({})); // it is not kept any longer either
  return result?.documents.find((document) => document.id === id);
}
