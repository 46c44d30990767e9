// An answer that grows: text in, paragraphs with footnote marks out. Only what can still change is drawn again.
//
// Offsets of citations count Unicode code points; the browser counts UTF-16 units, so positions are translated. The
// text of a model is data: the Markdown understood here makes paragraphs, headings, lists, code and emphasis, and
// never a link, an image or an attribute.
import { el } from "./dom.js";
import { say } from "./words.js";

const MARK = /(?:\[|【|［)\s*([0-9０-９]+(?:\s*[,，、]\s*[0-9０-９]+)*)\s*(?:\]|】|］)/g;
const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|(?<![\w*])\*([^*\s][^*\n]*)\*(?![\w*])/g;

export class GrowingAnswer {
  /** `onMark(button, citation)` is called when a mark is pressed, focused or pointed at. */
  constructor(element, { onMark, onLeave }) {
    this.element = element;
    this.onMark = onMark;
    this.onLeave = onLeave;
    this.text = "";
    this.wide = []; // UTF-16 indices of characters outside the basic plane
    this.citations = [];
    this.lines = []; // {start, end, node, settled}
    this.dirtyFrom = 0;
    this.frame = 0;
  }

  add(text) {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0xd800 && unit < 0xdc00) this.wide.push(this.text.length + i);
    }
    this.dirtyFrom = Math.min(this.dirtyFrom, this.text.length);
    this.text += text;
    this.schedule();
  }

  cite(citation) {
    const start = this.index(citation.claim.start), end = this.index(citation.claim.end);
    this.citations.push({ ...citation, start, end });
    this.dirtyFrom = Math.min(this.dirtyFrom, start);
    this.schedule();
  }

  finish() {
    this.done = true;
    this.dirtyFrom = Math.min(this.dirtyFrom, this.lines.length ? this.lines.at(-1).start : 0);
    this.draw();
  }

  /** Code points → UTF-16 units. */
  index(points) {
    let low = 0, high = this.wide.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.wide[middle] - middle < points) low = middle + 1;
      else high = middle;
    }
    return points + low;
  }

  schedule() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    while (this.lines.length && this.lines.at(-1).end >= this.dirtyFrom) {
      const line = this.lines.pop();
      line.node?.remove();
    }
    const before = this.lines.at(-1);
    let start = before ? before.end + 1 : 0;
    while (start <= this.text.length) {
      const line = this.lineAt(start);
      if (line.node) this.element.append(line.node);
      this.lines.push(line);
      start = line.end + 1;
    }
    this.dirtyFrom = this.text.length + 1;
  }

  /** One line of the text, or a fenced code block, or a settled piece of a very long line. */
  lineAt(start) {
    const fence = /^(`{3,}|~{3,})[^\n]*\n?/.exec(this.text.slice(start, start + 200));
    if (fence) return this.code(start, fence);
    let end = this.text.indexOf("\n", start);
    if (end < 0) end = this.text.length;
    const line = this.text.slice(start, end);
    const heading = /^#{1,6}\s+/.exec(line);
    if (heading) return { start, end, node: el("h3", {}, this.inline(start + heading[0].length, end)) };
    const item = /^(\s*)([-*•]|\d+[.)])\s+/.exec(line);
    if (item) {
      const bullet = /\d/.test(item[2]) ? item[2] : "•";
      const body = el("span", {}, this.inline(start + item[0].length, end));
      return { start, end, node: el("p.item", {}, [el("span", { text: bullet }), body]) };
    }
    return { start, end, node: line.trim() ? el("p", {}, this.inline(start, end)) : null };
  }

  code(start, fence) {
    const close = this.text.indexOf(`\n${fence[1]}`, start + fence[0].length - 1);
    let end = close < 0 ? this.text.length : this.text.indexOf("\n", close + 1);
    if (end < 0) end = this.text.length;
    const body = this.text.slice(start + fence[0].length, close < 0 ? end : close);
    return { start, end, node: el("pre", { tabindex: 0 }, [el("code", { text: body })]) };
  }

  /** The nodes of `text[start:end]`: claims as spans, with their marks as buttons. */
  inline(start, end) {
    const nodes = [];
    let at = start;
    const claims = this.citations.filter((c) => c.start < end && c.end > start).sort((a, b) => a.start - b.start);
    for (const claim of claims) {
      if (claim.end <= at) continue;
      const from = Math.max(claim.start, at), to = Math.min(claim.end, end);
      if (from > at) nodes.push(...this.piece(at, from, []));
      const same = claims.filter((c) => c.start === claim.start && c.end === claim.end);
      const worst = same.some((c) => c.verdict === "unsupported") ? "unsupported" : same[0].verdict;
      nodes.push(el(`span.claim.${worst}`, { "data-claim": String(claim.start) }, this.piece(from, to, same)));
      at = to;
    }
    if (at < end) nodes.push(...this.piece(at, end, this.lastClaimBefore(at)));
    return nodes;
  }

  /** Marks may stand after the claim's last word: those belong to the claim that ends there. */
  lastClaimBefore(at) {
    const near = this.citations.filter((c) => c.end <= at && at - c.end <= 2);
    return near.filter((c) => c.end === near.at(-1)?.end);
  }

  piece(start, end, citations) {
    const text = this.text.slice(start, end);
    const nodes = [];
    let at = 0;
    for (const match of text.matchAll(MARK)) {
      if (match.index > at) nodes.push(...emphasis(text.slice(at, match.index)));
      for (const digits of match[1].split(/\s*[,，、]\s*/)) nodes.push(this.mark(Number(digits.normalize("NFKC")), citations));
      at = match.index + match[0].length;
    }
    if (at < text.length) nodes.push(...emphasis(text.slice(at)));
    for (const citation of citations) if (citation.n === 0) nodes.push(this.mark(0, citations));
    return nodes;
  }

  mark(n, citations) {
    const citation = citations.find((c) => c.n === n);
    const verdict = citation ? citation.verdict : "pending";
    const label = !citation ? say("footnotePending", n) : n === 0 ? say("noFootnote") : say("footnote", n, say(verdict));
    const button = el(`button.mark.${verdict}`, { type: "button", "aria-label": label, "aria-haspopup": "dialog", text: n === 0 ? "?" : String(n) });
    if (!citation) return button;
    const show = (kind) => () => this.onMark(button, citation, kind);
    button.addEventListener("click", show("press"));
    button.addEventListener("mouseenter", show("point"));
    button.addEventListener("focus", show("focus"));
    button.addEventListener("mouseleave", () => this.onLeave());
    return button;
  }
}

function emphasis(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > at) nodes.push(text.slice(at, match.index));
    if (match[1] !== undefined) nodes.push(el("code", { text: match[1] }));
    else if (match[2] !== undefined) nodes.push(el("strong", { text: match[2] }));
    else nodes.push(el("em", { text: match[3] }));
    at = match.index + match[0].length;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}
