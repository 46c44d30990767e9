// One question and its answer on the page: documents, the question as understood, the answer, its footnotes.
import * as api from "./api.js";
import { announce, el, hostOf, icon, outward, plain, safeLink } from "./dom.js";
import { ageNote, links, readingAddress, verdictChip, whereLine } from "./evidence.js";
import { GrowingAnswer, MARK } from "./answer.js";
import { keep } from "./reading.js";
import { explain, told } from "./problems.js";
import { Steps } from "./steps.js";
import { Problem, breath, follow } from "./stream.js";
import { ago, say } from "./words.js";

const HINTED = "footnote.hinted"; // set once the reader has found out what a mark does
const AT_ONCE = 20; // footnotes listed before the browser may draw
const SNIPPET = 240; // characters of a document on its card

export class Turn {
  /** `again(fields)` asks anew; `started(run)` is told once the server has taken the question. */
  constructor(question, { evidence, again, started, mode }) {
    Object.assign(this, { question, again, started, mode });
    this.documents = [];
    this.citations = [];
    this.abort = new AbortController();
    this.title = el("h2", { dir: "auto", tabindex: -1, text: question });
    this.searched = el("div.searched", {}, [el("span.waiting", { text: say("searching") })]);
    this.steps = new Steps();
    this.cards = el("ol.documents", { "aria-label": say("documents"), hidden: true, tabindex: 0 });
    this.body = el("div.answer.waiting", { "aria-busy": "true", dir: "auto" });
    this.lost = el("p.lost.quiet", { hidden: true, text: say("reconnecting") });
    this.trouble = el("div.trouble", { role: "alert", hidden: true });
    this.hint = el("p.hint", { hidden: true, text: say("hint") });
    this.actions = el("div.actions", {}, [this.button("stop", () => this.stop())]);
    this.notes = el("section.notes", { "aria-label": say("footnotes"), hidden: true });
    this.element = el("article.turn", {}, [this.title, this.searched, this.steps.element, this.cards, this.body, this.lost, this.trouble, this.hint, this.actions, this.notes]);
    this.answer = new GrowingAnswer(this.body, {
      onMark: (mark, citation, kind) => {
        localStorage.setItem(HINTED, "1");
        evidence.show(mark, citation, this.documentOf(citation), kind, this.runId);
      },
      onLeave: () => evidence.leave(),
    });
  }

  button(word, onclick, attributes = {}) {
    return el("button.small", { type: "button", text: say(word), onclick, ...attributes });
  }

  documentOf(citation) {
    if (!citation.document_id) return undefined;
    return this.documents.find((document) => document.n === citation.n && document.id === citation.document_id) ||
      this.documents.find((document) => document.id === citation.document_id);
  }

  // -- Following a run --

  /** Asks, or follows a run that is there; resolves when it has ended. `stored` stands in for a run that has expired. */
  async run({ body, runId, stored }) {
    this.runId = runId;
    const { signal } = this.abort;
    try {
      await follow({
        open: (last, signal) => (this.runId ? api.runEvents(this.runId, last, signal) : api.ask(body, signal)),
        onEvent: (name, data) => { try { this.event(name, data); } catch (error) { reportError(error); } },
        onPause: (lost) => { this.lost.hidden = !lost; },
        signal,
      });
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      if (stored && error.status === 404) this.restore(stored);
      else this.failed(error.problem);
    }
  }

  event(name, data) {
    if (this.ended) return;
    if (name === "run") this.begun(data);
    else if (name === "documents") this.showDocuments(data.documents);
    else if (name === "question") this.showQuestion(data);
    else if (name === "step") this.step(data);
    else if (name === "token") this.write(data.text);
    else if (name === "citation") { this.citations.push(data); this.answer.cite(data); }
    else if (name === "done") this.finished(data);
    else if (name === "error") this.failed(data);
  }

  begun(run) {
    this.runId = run.run_id;
    this.threadId = run.thread_id;
    this.question = this.title.textContent = run.question;
    this.started?.(run);
    if (this.stopping) api.cancelRun(this.runId);
  }

  /** The line of the steps takes the place of the line that says what is searched: nothing jumps. */
  step(data) {
    this.mode = "agent";
    this.searched.hidden = true;
    this.steps.add(data);
    if (data.kind === "action") announce(this.steps.doing);
  }

  write(text) {
    this.body.classList.remove("waiting");
    this.body.classList.add("cursor");
    this.answer.add(text);
  }

  async stop() {
    this.stopping = true; // a run that has not begun is stopped when it does
    if (this.runId && !this.ended) await api.cancelRun(this.runId);
  }

  /** The reader goes elsewhere: the run goes on at the server. */
  leave() { this.abort.abort(); }

  /** Shows an answer that a conversation or a link brought back. */
  restore(stored) {
    this.runId = stored.run_id;
    if (stored.steps) { this.mode = "agent"; this.searched.hidden = true; }
    for (const step of stored.steps || []) this.steps.add(step);
    this.showDocuments(stored.documents || []);
    this.showQuestion({ text: stored.standalone_question || this.question });
    if (stored.answer) this.answer.add(stored.answer);
    for (const citation of stored.citations || []) { this.citations.push(citation); this.answer.cite(citation); }
    const state = stored.state === "interrupted" ? "interrupted" : stored.finish_reason;
    this.finished({ finish_reason: state }, stored.rating);
  }

  // -- What is shown --

  showDocuments(documents) {
    this.documents = documents;
    keep(documents);
    this.cards.replaceChildren(...documents.map((document) => this.card(document)));
    this.cards.hidden = documents.length === 0;
    announce(documents.length ? say("foundDocuments", documents.length) : say("noDocuments"));
  }

  card(document) {
    const title = document.title || hostOf(document.url);
    const link = safeLink(document.link)
      ? outward(document.link, title, { dir: "auto" })
      : el("a", { href: readingAddress(document, null, this.runId), dir: "auto", text: title });
    return el("li.document", { "data-n": document.n }, [
      el("h3", {}, [el("span.n", { text: document.n }), link]),
      el("p.host", {}, [el("span", { dir: "auto", text: hostOf(document.url) }), el("span", { text: `· ${ago(document.fetched_at, "short")}` })]),
      document.section.length ? el("p.path", { dir: "auto", text: document.section.join(" › ") }) : null,
      el("p.snippet", { dir: "auto", text: document.text.slice(0, SNIPPET) }),
    ]);
  }

  showQuestion({ text }) {
    const change = this.button("edit", () => this.editQuestion(text), { "aria-label": say("editLabel") });
    const same = text.trim() === this.question.trim();
    const words = same ? [say("searchedAsAsked")] : [`${say("searchedAs")} `, el("em", { dir: "auto", text })];
    this.searched.replaceChildren(el("span", {}, words), change);
  }

  editQuestion(text) {
    const input = el("input", { value: text, "aria-label": say("searchedAs"), maxlength: 4000, dir: "auto" });
    const back = () => { this.showQuestion({ text }); this.searched.querySelector("button").focus(); };
    const submit = (event) => {
      event.preventDefault();
      const words = input.value.trim();
      this.showQuestion({ text });
      if (words) this.again({ question: this.question, standalone_question: words });
    };
    const keys = (event) => { if (event.key === "Escape") back(); };
    this.searched.replaceChildren(el("form", { onsubmit: submit, onkeydown: keys }, [
      input, el("button.small.primary", { type: "submit", text: say("searchThis") }), this.button("cancel", back),
    ]));
    input.focus();
    input.select();
  }

  finished(done, rating) {
    this.settle(rating);
    const note = { length: "lengthNote", blocked: "blockedNote", interrupted: "interrupted" }[done.finish_reason];
    if (note) this.say([el("p", { text: say(note) })]);
    else if (!this.documents.length || done.finish_reason === "no_answer") this.nothingFound();
    this.hint.hidden = !this.marked || localStorage.getItem(HINTED) !== null;
    announce(say("answerDone", this.citations.filter((citation) => citation.document_id).length));
  }

  get marked() { return this.citations.some((citation) => citation.document_id); }

  /** There was nothing to answer from: says whether there is anything at all. */
  async nothingFound() {
    const { total } = await api.firstSources().catch(() => ({ total: 1 }));
    const [text, link] = total ? ["noDocuments", "lookAtSources"] : ["emptyIndex", "addFirst"];
    const said = this.answer.text ? "" : `${say(text)} `;
    this.say([el("p", {}, [said, el("a", { href: "#/sources", text: say(link) })])], true);
  }

  failed(problem) {
    this.settle();
    this.body.hidden = !this.answer.text;
    this.say(told(problem, { notFound: "expired" }), problem.type?.endsWith(":cancelled"));
    this.trouble.scrollIntoView({ block: "nearest" });
    if (problem.retry_after) this.countDown(Date.now() + 1000 * problem.retry_after);
  }

  /** `calm`: nothing went wrong. */
  say(paragraphs, calm = false) {
    this.trouble.replaceChildren(...paragraphs);
    this.trouble.classList.toggle("calm", Boolean(calm));
    this.trouble.hidden = false;
  }

  /** The server has said from when on it may have room again. */
  countDown(until) {
    const button = this.actions.querySelector("[data-retry]");
    const left = Math.ceil((until - Date.now()) / 1000);
    button.textContent = left > 0 ? say("retryIn", left) : say("retry");
    if (left > 0) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
    if (left > 0 && button.isConnected) setTimeout(() => this.countDown(until), 1000);
  }

  settle(rating) {
    this.ended = true;
    this.steps.finish();
    this.answer.finish();
    this.lost.hidden = true;
    this.body.classList.remove("waiting", "cursor");
    this.body.removeAttribute("aria-busy");
    this.searched.querySelector(".waiting")?.remove();
    const held = this.actions.contains(document.activeElement);
    this.actions.replaceChildren(...this.closingActions(rating));
    if (held) this.actions.firstChild.focus();
    this.showNotes();
  }

  closingActions(rating) {
    const again = (event) => {
      if (!event.currentTarget.hasAttribute("aria-disabled")) this.again({ question: this.question, mode: this.mode });
    };
    const retry = this.button("retry", again, { "data-retry": true });
    if (!this.runId) return [retry];
    const link = this.button("copyLink", (event) => this.copyText(this.address(), event.currentTarget, "linkCopied"));
    if (!this.answer.text) return [link, retry];
    const copy = this.button("copy", (event) => this.copy(event.currentTarget));
    return [copy, link, retry, this.thumb("good", "up", rating), this.thumb("poor", "down", rating)];
  }

  address() {
    const place = this.threadId ? `#/threads/${encodeURIComponent(this.threadId)}/${this.runId}` : `#/runs/${this.runId}`;
    return location.href.split("#")[0] + place;
  }

  thumb(word, rating, given) {
    const press = async (event) => {
      const button = event.currentTarget;
      await api.rate(this.runId, rating);
      for (const other of this.actions.querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", String(other === button));
      announce(say("thanks"));
    };
    const attributes = { type: "button", "aria-pressed": String(rating === given), "aria-label": say(word), title: say(word), onclick: press };
    return el("button.small.thumb", attributes, [icon(rating)]);
  }

  /** A few at a time: the reader of an answer with hundreds is not kept waiting for all. */
  async showNotes() {
    const seen = new Set();
    const notes = this.citations.filter((citation) => {
      const key = `${citation.n}:${citation.quote_start}:${citation.quote_end}:${citation.verdict}`;
      return this.documentOf(citation) && !seen.has(key) && seen.add(key);
    });
    const list = el("ol");
    this.notes.replaceChildren(el("h3", { text: say("footnotes") }), list);
    this.notes.hidden = notes.length === 0;
    for (let at = 0; at < notes.length; at += AT_ONCE) {
      list.append(...notes.slice(at, at + AT_ONCE).map((citation) => this.note(citation)));
      await breath();
    }
  }

  note(citation) {
    const document = this.documentOf(citation);
    const [first, ...others] = links(document, citation, this.runId);
    return el("li", {}, [
      el("span.n", { text: citation.n }),
      el("div", {}, [
        el("p", {}, [verdictChip(citation.verdict), " ", el("cite", { dir: "auto", text: document.title || hostOf(document.url) })]),
        citation.quote ? el("blockquote", { dir: "auto", text: citation.quote }) : null,
        whereLine(document),
        ageNote(citation),
        el("p.where", {}, [first, ...others.flatMap((link) => [" · ", link])]),
      ]),
    ]);
  }

  // -- Taking it along --

  /** The answer in Markdown with its footnotes under it. */
  markdown() {
    const notes = new Map();
    for (const citation of this.citations) {
      const document = this.documentOf(citation);
      if (!document) continue;
      if (!notes.has(citation.n)) notes.set(citation.n, { document, quotes: new Map() });
      if (citation.quote) notes.get(citation.n).quotes.set(citation.quote, citation);
    }
    const text = this.answer.text.replace(MARK, (_, list) => list.normalize("NFKC").split(/\D+/).map((n) => `[^${n}]`).join(""));
    const lines = [...notes].sort((a, b) => a[0] - b[0]).map(([n, { document, quotes }]) => {
      const said = [...quotes.values()].map((c) => `“${oneLine(c.quote)}” (${say(c.verdict)}) <${c.link || document.link}>`);
      return `[^${n}]: ${oneLine(document.title || document.url)}: ${said.join("; ") || `<${document.link}>`}`;
    });
    return `${[text.trim(), lines.join("\n")].filter(Boolean).join("\n\n")}\n`;
  }

  copy(button) { return this.copyText(this.markdown(), button, "copied"); }

  async copyText(text, button, word) {
    await copyToClipboard(text);
    button.dataset.word ||= button.textContent;
    button.textContent = say(word);
    announce(say(word));
    clearTimeout(this.wording);
    this.wording = setTimeout(() => {
      for (const other of this.actions.querySelectorAll("[data-word]")) other.textContent = other.dataset.word;
    }, 1600);
  }
}

const oneLine = (text) => plain(text).replace(/\s+/g, " ").trim();

/** Browsers lend the clipboard to https and localhost only; elsewhere the old way still works. */
async function copyToClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = el("textarea.hidden", { "aria-hidden": "true" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}
