// The evidence for one footnote: the quote in its paragraph, the verdict in words, where and how old, and the link.
import { byId, el, hostOf, outward } from "./dom.js";
import { ago, say } from "./words.js";

const AROUND = 260; // characters of the document shown on either side of the quote

/** `text[start:end]` where the offsets count code points. */
export function slicePoints(text, start, end) {
  return Array.from(text).slice(start, end).join("");
}

export function verdictChip(verdict) {
  return el(`span.verdict.${verdict}`, { text: say(verdict) });
}

function promise(citation) {
  if (citation.n === 0) return say("uncited");
  if (!citation.document_id) return say("noSuchDocument");
  return say(`${citation.verdict}Promise`);
}

/** The quote marked inside the words around it. */
export function quoteInContext(document, citation) {
  const points = Array.from(document.text);
  const { quote_start: start, quote_end: end } = citation;
  if (start === undefined) return null;
  const from = Math.max(0, start - AROUND), to = Math.min(points.length, end + AROUND);
  return el("blockquote", { dir: "auto" }, [
    (from > 0 ? "… " : "") + points.slice(from, start).join(""),
    el("mark", { text: points.slice(start, end).join("") }),
    points.slice(end, to).join("") + (to < points.length ? " …" : ""),
  ]);
}

export function whereLine(document) {
  const path = [hostOf(document.url), ...document.section].filter(Boolean).join(" › ");
  return `${path} · ${say("fetched")} ${ago(document.fetched_at)}`;
}

export function readingAddress(document, citation) {
  const query = new URLSearchParams(citation?.quote_start === undefined ? {} : { start: citation.quote_start, end: citation.quote_end, n: document.n });
  return `#/documents/${encodeURIComponent(document.id)}?${query}`;
}

/** Fills the one floating panel and stands it beside a mark. */
export class Evidence {
  constructor() {
    this.panel = byId("evidence");
    this.owner = null;
    this.pinned = false;
    this.panel.addEventListener("mouseleave", () => this.leave());
    this.panel.addEventListener("mouseenter", () => clearTimeout(this.timer));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.owner) this.close(this.panel.contains(document.activeElement));
    });
    document.addEventListener("pointerdown", (event) => {
      if (this.owner && !this.panel.contains(event.target) && !event.target.closest(".mark")) this.close(false);
    });
    addEventListener("resize", () => this.close(false));
    addEventListener("hashchange", () => this.close(false));
  }

  show(owner, citation, document, kind) {
    clearTimeout(this.timer);
    if (kind === "press" && this.owner === owner && this.pinned) return this.close(true);
    if (kind !== "press" && this.pinned && this.owner === owner) return;
    if (kind === "point" && this.pinned) return;
    this.lose();
    this.owner = owner;
    this.pinned = kind === "press";
    this.panel.setAttribute("aria-label", owner.getAttribute("aria-label"));
    this.panel.replaceChildren(...this.content(citation, document));
    this.panel.hidden = false;
    owner.setAttribute("aria-expanded", "true");
    owner.closest(".claim")?.classList.add("lit");
    this.place(owner);
    if (this.pinned) this.panel.querySelector("a, button")?.focus({ preventScroll: true });
  }

  content(citation, document) {
    const close = el("button.icon.small", { type: "button", "aria-label": say("close"), text: "✕", onclick: () => this.close(true) });
    const head = el("div.row", {}, [verdictChip(citation.verdict), el("span", { style: undefined }), close]);
    if (!document) return [head, el("p.promise", { text: promise(citation) })];
    const quote = quoteInContext(document, citation);
    return [
      head,
      el("h3", { dir: "auto", text: `${citation.n}. ${document.title || say("untitled")}` }),
      el("p.where", { dir: "auto", text: whereLine(document) }),
      quote,
      el("p.promise", { text: promise(citation) }),
      citation.age ? el("p.promise", { text: say(citation.age === "gone" ? "goneSince" : "changedSince") }) : null,
      el("div.row", {}, [
        outward(citation.link || document.link, say("openAtWords")),
        el("a", { href: readingAddress(document, citation), text: say("read") }),
      ]),
    ].filter(Boolean);
  }

  place(owner) {
    const box = owner.getBoundingClientRect();
    const width = this.panel.offsetWidth, height = this.panel.offsetHeight;
    const left = Math.max(12, Math.min(box.left - 24, document.documentElement.clientWidth - width - 12));
    const below = box.bottom + 8 + height < innerHeight || box.top < height + 8;
    this.panel.style.left = `${left + scrollX}px`;
    this.panel.style.top = `${(below ? box.bottom + 8 : box.top - height - 8) + scrollY}px`;
  }

  /** The pointer has left the mark: close soon, unless it arrives on the panel. */
  leave() {
    if (this.pinned) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { if (!this.pinned && !this.panel.matches(":hover")) this.close(false); }, 250);
  }

  lose() {
    this.owner?.removeAttribute("aria-expanded");
    this.owner?.closest(".claim")?.classList.remove("lit");
    this.owner = null;
  }

  close(returnFocus) {
    const owner = this.owner;
    this.lose();
    this.pinned = false;
    this.panel.hidden = true;
    if (returnFocus) owner?.focus({ preventScroll: true });
  }
}
