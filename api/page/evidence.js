// The evidence for one footnote: the quote in its paragraph, the verdict in words, where and how old, and the link.
import { byId, el, hostOf, icon, outward, plain, safeLink } from "./dom.js";
import { ago, say } from "./words.js";

const AROUND = 400; // characters of its paragraph shown on either side of the quote, at most
const ROOM = 260; // pixels in which most evidence can be read
const NARROW = "(max-width: 40rem)"; // as in style.css: there the panel stands at the foot of the screen

export function verdictChip(verdict) {
  return el(`span.verdict.${verdict}`, { text: say(verdict) });
}

/** A sentence on what the verdict promises. */
export function promise(citation) {
  if (citation.n === 0) return say("uncited");
  if (!citation.document_id) return say("noSuchDocument");
  const near = citation.verdict === "unsupported" && citation.quote_start !== undefined;
  return say(near ? "unsupportedNear" : `${citation.verdict}Promise`);
}

/** The quote marked in its paragraph; null for a citation without a quote. */
export function quoteInContext(document, citation) {
  const { quote_start: start, quote_end: end } = citation;
  if (start === undefined) return null;
  const points = Array.from(document.text); // offsets count code points
  const before = points.slice(0, start).join("").split("\n\n").at(-1);
  const after = points.slice(end).join("").split("\n\n")[0];
  return el("blockquote", { dir: "auto" }, [
    before.length > AROUND ? `… ${before.slice(-AROUND).replace(/^\S*\s/, "")}` : before,
    el("mark", { text: points.slice(start, end).join("") }),
    after.length > AROUND ? `${after.slice(0, AROUND).replace(/\s\S*$/, "")} …` : after,
  ]);
}

/** Where a document comes from: host, headings, age. */
export function whereLine(document) {
  const path = [hostOf(document.url), ...document.section.map(plain)].filter(Boolean).join(" › ");
  const age = el("span.age", { text: say("fetched", ago(document.fetched_at)) });
  return el("p.where", { dir: "auto" }, [`${path} · `, age]);
}

/** The reading view of a document, opened at the quote. `runId` lets it find the words when the page has changed. */
export function readingAddress(document, citation, runId) {
  const query = new URLSearchParams({ n: document.n });
  if (citation?.quote_start !== undefined) { query.set("start", citation.quote_start); query.set("end", citation.quote_end); }
  if (runId) query.set("run", runId);
  return `#/documents/${encodeURIComponent(document.id)}?${query}`;
}

/** The links of a footnote: the page at the quoted words, where it can be opened, and the stored text. */
export function links(document, citation, runId) {
  const address = citation?.link || document.link;
  return [
    safeLink(address) ? outward(address, say("openAtWords")) : null,
    el("a", { href: readingAddress(document, citation, runId), text: say("read") }),
  ].filter(Boolean);
}

export const ageNote = (citation) => (citation.age ? el("p.aged", { text: say(citation.age === "gone" ? "goneSince" : "changedSince") }) : null);

/** Fills the one floating panel and stands it beside a mark. */
export class Evidence {
  constructor() {
    this.panel = byId("evidence");
    this.owner = null;
    this.pinned = false;
    this.width = innerWidth;
    this.panel.addEventListener("mouseleave", () => this.leave());
    this.panel.addEventListener("mouseenter", () => clearTimeout(this.timer));
    this.panel.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !this.panel.contains(event.relatedTarget) && event.relatedTarget !== this.owner) this.close(false);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.owner) this.close(this.panel.contains(document.activeElement));
    });
    document.addEventListener("pointerdown", (event) => {
      if (this.owner && !this.panel.contains(event.target) && !event.target.closest(".mark")) this.close(false);
    });
    addEventListener("resize", () => {
      if (innerWidth !== this.width) this.close(false);
      this.width = innerWidth;
    });
    addEventListener("hashchange", () => this.close(false));
  }

  /** `kind` is how the reader came to the mark: `point`, `focus`, or `press`, which keeps the panel open. */
  show(owner, citation, document, kind, runId) {
    clearTimeout(this.timer);
    const same = this.owner === owner;
    if (kind === "press" && same && this.pinned) return this.close(true);
    if (kind !== "press" && this.pinned && (same || kind === "point")) return;
    this.lose();
    this.owner = owner;
    this.pinned = kind === "press";
    this.panel.setAttribute("aria-label", owner.getAttribute("aria-label"));
    this.panel.replaceChildren(...this.content(citation, document, runId));
    this.panel.hidden = false;
    this.panel.scrollTop = 0;
    owner.setAttribute("aria-expanded", "true");
    owner.closest(".claim")?.classList.add("lit");
    this.place(owner);
    if (this.pinned) this.panel.querySelector("a, button")?.focus({ preventScroll: true });
  }

  content(citation, document, runId) {
    const close = el("button.icon", { type: "button", "aria-label": say("close"), onclick: () => this.close(true) }, [icon("close")]);
    const head = el("div.row.apart", {}, [verdictChip(citation.verdict), close]);
    const sense = el("p.promise", { text: promise(citation) });
    if (!document) return [head, sense];
    return [
      head,
      el("h3", { dir: "auto", text: `${citation.n}. ${document.title || say("untitled")}` }),
      whereLine(document),
      quoteInContext(document, citation),
      sense,
      ageNote(citation),
      el("div.row", {}, links(document, citation, runId)),
    ].filter(Boolean);
  }

  place(owner) {
    const box = owner.getBoundingClientRect();
    this.panel.style.maxHeight = "";
    const height = this.panel.offsetHeight;
    if (matchMedia(NARROW).matches) {
      this.panel.style.left = this.panel.style.top = "";
      const covered = box.bottom - (innerHeight - height - 16);
      if (covered > 0) scrollBy({ top: covered + 8, behavior: "instant" });
      return;
    }
    const left = Math.max(12, Math.min(box.left - 24, document.documentElement.clientWidth - this.panel.offsetWidth - 12));
    const over = box.top - byId("main").offsetTop - 16, under = innerHeight - box.bottom - 16;
    const below = under >= Math.min(height, ROOM) || under >= over;
    const tall = Math.min(height, Math.max(below ? under : over, 160));
    this.panel.style.maxHeight = `${tall}px`;
    this.panel.style.left = `${left + scrollX}px`;
    this.panel.style.top = `${(below ? box.bottom + 8 : box.top - tall - 8) + scrollY}px`;
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
    if (returnFocus && owner) this.close(false); // its focus has opened it again
  }
}
