// An answer that grows: text in, paragraphs with footnote marks out. Only what can still change is drawn again, so an
// answer of any length costs the same per frame.
//
// Offsets of citations count Unicode code points; the browser counts UTF-16 units, so positions are translated. The
// text of a model is data: the Markdown understood here makes paragraphs, headings, lists, code and emphasis, and
// never a link, an image or an attribute.
import { el } from "./dom.js";
import { say } from "./words.js";

export const MARK = /[\[【［]\s*\^?([0-9０-９]+(?:\s*[,，、]\s*[0-9０-９]+)*)\s*(?:(?::\d+)?†[^\]】］\n]*)?[\]】］]/g;
const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|(?<![\w*])\*([^*\s][^*\n]*)\*(?![\w*])/g;
const LONG = 1500; // characters of a line after which the part before the last sentence is drawn once and for all

export class GrowingAnswer {
  /** `onMark(button, citation, kind)` is called when a mark is pressed, focused or pointed at. */
  constructor(element, { onMark, onLeave }) {
    this.element = element;
    this.onMark = onMark;
    this.onLeave = onLeave;
    this.text = "";
    this.wide = []; // UTF-16 indices of characters outside the basic plane
    this.citations = []; // by place, which is how they come
    this.lines = []; // {start, end, node, body, pieces: [{start, end, nodes}], fence}
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
    const placed = { ...citation, start: this.index(citation.claim.start), end: this.index(citation.claim.end) };
    let at = this.citations.length;
    while (at && this.citations[at - 1].start > placed.start) at--;
    this.citations.splice(at, 0, placed);
    this.dirtyFrom = Math.min(this.dirtyFrom, placed.start);
    this.schedule();
  }

  finish() {
    this.draw();
    for (const mark of this.element.querySelectorAll(".mark.pending")) mark.title = say("footnoteUnchecked");
  }

  /** Code points → UTF-16 units. */
  index(points) {
    const low = firstWhere(this.wide.length, (middle) => this.wide[middle] - middle >= points);
    return points + low;
  }

  schedule() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset.mark : undefined;
    while (this.lines.length && this.lines.at(-1).start >= this.dirtyFrom) this.lines.pop().node?.remove();
    const last = this.lines.at(-1);
    if (last && last.end >= this.dirtyFrom) this.mend(last);
    let start = this.lines.length ? this.lines.at(-1).end + 1 : 0;
    while (start <= this.text.length) {
      const line = this.lineAt(start);
      if (line.node) this.element.append(line.node);
      this.lines.push(line);
      start = line.end + 1;
    }
    this.dirtyFrom = this.text.length + 1;
    if (focused && document.activeElement === document.body) this.element.querySelector(`[data-mark="${focused}"]`)?.focus({ preventScroll: true });
  }

  /** Draws a line again from where it changed, or from its start when its kind may have changed. */
  mend(line) {
    if (line.fence && this.lengthen(line)) return;
    if (line.fence || !line.body || this.dirtyFrom < line.bodyStart + 16) {
      line.node?.remove();
      this.lines.pop();
      return;
    }
    line.end = this.endOfLine(line.start);
    while (line.pieces.length && line.pieces.at(-1).end > this.dirtyFrom) drop(line.pieces.pop());
    if (line.pieces.length && line.pieces.at(-1).open) drop(line.pieces.pop());
    this.fill(line);
  }

  endOfLine(start) {
    const end = this.text.indexOf("\n", start);
    return end < 0 ? this.text.length : end;
  }

  /** One line of the text, or a fenced code block. */
  lineAt(start) {
    const fence = /^(`{3,}|~{3,})[^\n]*\n?/.exec(this.text.slice(start, start + 200));
    if (fence) return this.code(start, fence);
    const end = this.endOfLine(start);
    const opening = this.text.slice(start, Math.min(end, start + 200));
    if (!opening.trim() && end - start < 200) return { start, end, node: null };
    const heading = /^#{1,6}\s+/.exec(opening);
    const item = heading ? null : /^(\s*)([-*•]|\d+[.)])\s+/.exec(opening);
    const line = { start, end, bodyStart: start + (heading || item || [""])[0].length, pieces: [] };
    line.node = line.body = heading ? el("h3") : el("p");
    if (item) {
      line.body = el("span");
      line.node = el("p.item", { dir: "auto" }, [el("span", { text: /\d/.test(item[2]) ? item[2] : "•" }), line.body]);
    }
    this.fill(line);
    return line;
  }

  code(start, fence) {
    const body = start + fence[0].length;
    const close = this.text.indexOf(`\n${fence[1]}`, body - 1);
    const end = close < 0 ? this.text.length : this.endOfLine(close + 1);
    const words = document.createTextNode(this.text.slice(body, close < 0 ? end : close));
    const node = el("pre", { tabindex: 0 }, [el("code", {}, [words])]);
    return { start, end, node, words, fence: fence[1], open: close < 0 && fence[0].endsWith("\n") };
  }

  /** Adds to code that is still open; false when it has just ended. */
  lengthen(line) {
    if (!line.open || this.text.indexOf(`\n${line.fence}`, line.end - line.fence.length) >= 0) return false;
    line.words.appendData(this.text.slice(line.end));
    line.end = this.text.length;
    return true;
  }

  /** Puts the pieces that are missing into a line: claims with their marks, and what stands between them. */
  fill(line) {
    let at = line.pieces.at(-1)?.end ?? line.bodyStart;
    while (at < line.end) {
      const piece = this.pieceAt(at, line.end);
      line.body.append(...piece.nodes);
      line.pieces.push(piece);
      at = piece.end;
    }
  }

  pieceAt(at, end) {
    const next = firstWhere(this.citations.length, (middle) => this.citations[middle].end > at);
    const claim = this.citations[next];
    if (!claim || claim.start >= end) return this.between(at, end, next);
    if (claim.start > at) return { start: at, end: claim.start, nodes: this.marked(at, claim.start, this.justBefore(at, next)) };
    const to = Math.min(claim.end, end);
    const same = [];
    for (let i = next; i < this.citations.length && this.citations[i].start === claim.start; i++) same.push(this.citations[i]);
    const worst = same.some((c) => c.verdict === "unsupported") ? "unsupported" : same[0].verdict;
    return { start: at, end: to, nodes: [el(`span.claim.${worst}`, {}, this.marked(at, to, same))] };
  }

  /** Text without citations, as yet. What is far from its end is settled; the rest stays open. */
  between(at, end, next) {
    const citations = this.justBefore(at, next);
    if (end - at > LONG) {
      const cut = ["。", ". ", " "].map((stop) => this.text.lastIndexOf(stop, at + LONG) + 1).find((place) => place > at);
      if (cut) return { start: at, end: cut, nodes: this.marked(at, cut, citations) };
    }
    return { start: at, end, nodes: this.marked(at, end, citations), open: end === this.text.length };
  }

  /** Marks may stand after the claim's last word: those belong to the claim that ends there. */
  justBefore(at, next) {
    const found = [];
    const last = this.citations[next - 1];
    for (let i = next - 1; last && i >= 0 && this.citations[i].end === last.end && at - last.end <= 2; i--) found.unshift(this.citations[i]);
    return found;
  }

  marked(start, end, citations) {
    const text = this.text.slice(start, end);
    const nodes = [];
    let at = 0;
    for (const match of text.matchAll(MARK)) {
      if (match.index > at) nodes.push(...emphasis(text.slice(at, match.index)));
      for (const n of match[1].normalize("NFKC").split(/\D+/)) nodes.push(this.mark(+n, citations));
      at = match.index + match[0].length;
    }
    if (at < text.length) nodes.push(...emphasis(text.slice(at)));
    for (const citation of citations) if (citation.n === 0 && citation.end === end) nodes.push(this.mark(0, citations));
    return nodes;
  }

  mark(n, citations) {
    const citation = citations.find((c) => c.n === n);
    if (!citation) return el("span.mark.pending", { title: say("footnotePending"), text: String(n) });
    const verdict = citation.verdict;
    const label = n === 0 ? say("noFootnote") : say("footnote", n, say(verdict));
    const button = el(`button.mark.${verdict}`, {
      type: "button", "aria-label": label, "aria-haspopup": "dialog", "data-mark": `${citation.start}-${n}`, text: n === 0 ? "?" : String(n),
    });
    const show = (kind) => () => this.onMark(button, citation, kind);
    button.addEventListener("click", show("press"));
    button.addEventListener("mouseenter", show("point"));
    button.addEventListener("focus", show("focus"));
    button.addEventListener("mouseleave", () => this.onLeave());
    return button;
  }
}

/** The first number below `length` for which `holds` is true, where it is true for all after it; else `length`. */
function firstWhere(length, holds) {
  let low = 0, high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function drop(piece) {
  for (const node of piece.nodes) node.remove();
}

function emphasis(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > at) nodes.push(document.createTextNode(text.slice(at, match.index)));
    if (match[1] !== undefined) nodes.push(el("code", { text: match[1] }));
    else if (match[2] !== undefined) nodes.push(el("strong", { text: match[2] }));
    else nodes.push(el("em", { text: match[3] }));
    at = match.index + match[0].length;
  }
  if (at < text.length) nodes.push(document.createTextNode(text.slice(at)));
  return nodes;
}
