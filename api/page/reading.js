// The stored text of a document, with the quote marked: for when the live page has changed or is a local file.
import * as api from "./api.js";
import { byId, el, outward } from "./dom.js";
import { ago, say } from "./words.js";

export async function showReading(id, query) {
  const view = byId("view-reading");
  const document = await api.documentById(id);
  const points = Array.from(document.text);
  const start = Number(query.get("start") ?? -1), end = Number(query.get("end") ?? -1);
  const marked = start >= 0 && end > start && end <= points.length;
  const text = el("div.text", { dir: "auto" }, marked
    ? [points.slice(0, start).join(""), el("mark", { tabindex: -1, text: points.slice(start, end).join("") }), points.slice(end).join("")]
    : [document.text]);
  view.replaceChildren(
    el("p", {}, el("a", { href: "#/", text: say("back"), onclick: (event) => { if (history.length > 1) { event.preventDefault(); history.back(); } } })),
    el("h1", { id: "reading-title", dir: "auto", text: document.title || say("untitled") }),
    el("p.quiet", { dir: "auto", text: [...(document.section || [])].join(" › ") }),
    el("p.quiet", {}, [`${say("storedNote", ago(document.fetched_at))} `, outward(document.link || document.url, document.url)]),
    text,
  );
  view.querySelector("mark")?.scrollIntoView({ block: "center" });
}
