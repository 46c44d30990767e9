// One question and its answer on the page: documents, the question as understood, the answer, its footnotes.
import * as api from "./api.js";
import { announce, el, hostOf, outward } from "./dom.js";
import { quoteInContext, readingAddress, verdictChip, whereLine } from "./evidence.js";
import { GrowingAnswer } from "./answer.js";
import { Problem, follow } from "./stream.js";
import { ago, say } from "./words.js";

export class Turn {
  /** `again(fields)` asks anew; `started(runId)` is told once the server has taken the question. */
  constructor(question, { evidence, again, started }) {
    this.question = question;
    this.again = again;
    this.started = started;
    this.documents = [];
    this.citations = [];
    this.abort = new AbortController();
    this.title = el("h2", { dir: "auto", text: question });
    this.searched = el("div.searched", {}, [el("span.waiting", { text: say("searching") })]);
    this.cards = el("ol.documents", { "aria-label": say("documents"), hidden: true, tabindex: 0 });
    this.body = el("div.answer.waiting", { "aria-busy": "true", dir: "auto" });
    this.notes = el("ol.notes", { "aria-label": say("footnotes"), hidden: true });
    this.trouble = el("div.trouble", { role: "alert", hidden: true });
    this.actions = el("div.actions", {}, [this.button("stop", () => this.stop())]);
    this.element = el("article.turn", {}, [this.title, this.searched, this.cards, this.body, this.trouble, this.actions, this.notes]);
    this.answer = new GrowingAnswer(this.body, {
      onMark: (mark, citation, kind) => evidence.show(mark, citation, this.documentOf(citation), kind),
      onLeave: () => evidence.leave(),
    });
  }

  button(word, onclick, attributes = {}) {
    return el("button.small", { type: "button", text: say(word), onclick, ...attributes });
  }

  documentOf(citation) {
    return this.documents.find((document) => document.id === citation.document_id && document.n === citation.n) ||
      this.documents.find((document) => document.id === citation.document_id);
  }

  /** Asks, or picks up a run that goes on; resolves when it has ended. */
  async run({ body, runId }) {
    this.runId = runId;
    try {
      await follow({
        open: (last) => this.runId ? api.runEvents(this.runId, last, this.abort.signal) : api.ask(body, this.abort.signal),
        onEvent: (name, data) => this.event(name, data),
        onPause: (lost) => { this.searched.classList.toggle("lost", lost); if (lost) announce(say("reconnecting")); },
        signal: this.abort.signal,
      });
    } catch (error) {
      if (!(error instanceof Problem)) { if (error.name !== "AbortError") throw error; return; }
      this.failed(error.problem);
    }
  }

  event(name, data) {
    if (name === "run") {
      this.runId = data.run_id;
      this.title.textContent = data.question;
      this.question = data.question;
      this.started?.(data);
    } else if (name === "documents") this.showDocuments(data.documents);
    else if (name === "question") this.showQuestion(data);
    else if (name === "token") { this.body.classList.remove("waiting"); this.body.classList.add("cursor"); this.answer.add(data.text); }
    else if (name === "citation") { this.citations.push(data); this.answer.cite(data); }
    else if (name === "done") this.finished(data);
    else if (name === "error") this.failed(data);
  }

  /** Shows a finished turn that a thread or a link brought back. */
  restore(turn) {
    this.runId = turn.run_id;
    this.showDocuments(turn.documents || []);
    this.showQuestion({ text: turn.standalone_question || turn.question, original: this.question });
    if (turn.answer) this.answer.add(turn.answer);
    for (const citation of turn.citations || []) { this.citations.push(citation); this.answer.cite(citation); }
    this.finished({ finish_reason: turn.finish_reason || "stop" }, turn.state && turn.state !== "done" ? turn.state : null);
  }

  showDocuments(documents) {
    this.documents = documents;
    this.cards.replaceChildren(...documents.map((document) => this.card(document)));
    this.cards.hidden = documents.length === 0;
    announce(documents.length ? say("foundDocuments", documents.length) : say("noDocuments"));
  }

  card(document) {
    const title = document.title || hostOf(document.url);
    return el("li.document", { "data-n": document.n }, [
      el("h3", {}, [el("span.n", { text: document.n }), outward(document.link || document.url, title, { dir: "auto" })]),
      el("p.host", { text: `${hostOf(document.url)} · ${ago(document.fetched_at)}` }),
      document.section.length ? el("p.path", { dir: "auto", text: document.section.join(" › ") }) : null,
      el("p.snippet", { dir: "auto", text: document.text.slice(0, 240) }),
    ]);
  }

  showQuestion({ text, original }) {
    const change = this.button("edit", () => this.editQuestion(text));
    const same = text === (original || this.question);
    this.searched.replaceChildren(el("span", {}, [`${say("searchedAs")}: `, el("em", { dir: "auto", text })]), change);
    this.searched.classList.toggle("same", same);
  }

  editQuestion(text) {
    const input = el("input", { value: text, "aria-label": say("searchedAs"), maxlength: 4000 });
    const submit = (event) => {
      event.preventDefault();
      const words = input.value.trim();
      if (words) this.again({ question: this.question, standalone_question: words });
      this.showQuestion({ text });
    };
    const form = el("form", { onsubmit: submit }, [
      input,
      el("button.small.primary", { type: "submit", text: say("searchThis") }),
      this.button("cancel", () => this.showQuestion({ text })),
    ]);
    this.searched.replaceChildren(form);
    input.focus();
    input.select();
  }

  finished(done, state = null) {
    this.settle();
    const note = state === "interrupted" ? "interrupted" : state === "cancelled" ? "stopped"
      : { length: "lengthNote", blocked: "blockedNote" }[done.finish_reason];
    if (note) this.say(say(note));
    this.showNotes();
    announce(say("answerDone", this.citations.length));
  }

  settle() {
    this.ended = true;
    this.answer.finish();
    this.body.classList.remove("waiting", "cursor");
    this.body.removeAttribute("aria-busy");
    this.searched.querySelector(".waiting")?.remove();
    this.actions.replaceChildren(
      this.button("copy", (event) => this.copy(event.target)),
      this.button("copyLink", (event) => this.copyText(`${location.href.split("#")[0]}#/runs/${this.runId}`, event.target, "linkCopied")),
      this.button("retry", () => this.again({ question: this.question })),
      this.rating("good", "up", "👍"),
      this.rating("poor", "down", "👎"),
    );
  }

  rating(word, rating, sign) {
    const press = async (event) => {
      const button = event.currentTarget;
      await api.rate(this.runId, rating);
      for (const other of this.actions.querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", String(other === button));
      announce(say("thanks"));
    };
    return el("button.small", { type: "button", "aria-pressed": "false", "aria-label": say(word), title: say(word), text: sign, onclick: press });
  }

  showNotes() {
    const seen = new Set();
    const notes = this.citations.filter((citation) => {
      const key = `${citation.n}:${citation.quote_start}:${citation.quote_end}:${citation.verdict}`;
      return citation.document_id && !seen.has(key) && seen.add(key);
    });
    this.notes.replaceChildren(...notes.map((citation) => this.note(citation)));
    this.notes.hidden = notes.length === 0;
  }

  note(citation) {
    const document = this.documentOf(citation);
    if (!document) return "";
    return el("li", {}, [
      el("span.n", { text: citation.n }),
      el("div", {}, [
        verdictChip(citation.verdict),
        citation.quote ? el("blockquote", { dir: "auto", text: `“${citation.quote}”` }) : null,
        el("p.where", {}, [
          outward(citation.link || document.link, document.title || document.url), ` · ${whereLine(document)} · `,
          el("a", { href: readingAddress(document, citation), text: say("read") }),
          citation.age ? el("strong", { text: ` ${say(citation.age === "gone" ? "goneSince" : "changedSince")}` }) : null,
        ]),
      ]),
    ]);
  }

  failed(problem) {
    this.settle();
    this.showNotes();
    this.say(explain(problem), problem.detail);
  }

  say(sentence, detail) {
    this.trouble.replaceChildren(el("p", { text: sentence }), detail ? el("p.quiet", { text: detail }) : "");
    this.trouble.hidden = false;
  }

  async stop() {
    if (this.ended) return;
    if (this.runId) await api.cancelRun(this.runId);
    else this.abort.abort();
    if (this.ended) return;
    this.abort.abort();
    this.settle();
    this.showNotes();
    this.say(say("stopped"));
  }

  /** The answer in Markdown with its footnotes under it. */
  markdown() {
    const notes = new Map();
    for (const citation of this.citations) {
      const document = this.documentOf(citation);
      if (!document) continue;
      const quotes = notes.get(citation.n) || { document, quotes: [] };
      if (citation.quote && !quotes.quotes.some((c) => c.quote === citation.quote)) quotes.quotes.push(citation);
      notes.set(citation.n, quotes);
    }
    const text = this.answer.text.replace(/\[(\d+(?:\s*,\s*\d+)*)\]/g, (_, list) => list.split(/\s*,\s*/).map((n) => `[^${n}]`).join(""));
    const lines = [...notes].sort((a, b) => a[0] - b[0]).map(([n, { document, quotes }]) => {
      const said = quotes.map((c) => `“${c.quote}” (${say(c.verdict)}, ${c.link || document.link})`).join(" ");
      return `[^${n}]: ${document.title || document.url}: ${said || document.link}`;
    });
    return `${text.trim()}\n\n${lines.join("\n")}\n`;
  }

  copy(button) { return this.copyText(this.markdown(), button, "copied"); }

  async copyText(text, button, word) {
    await navigator.clipboard.writeText(text);
    const before = button.textContent;
    button.textContent = say(word);
    announce(say(word));
    setTimeout(() => { button.textContent = before; }, 1600);
  }
}

/** A problem in people's words, with what to do. */
export function explain(problem) {
  const type = problem.type || "";
  if (problem.title === "network") return say("network");
  if (problem.status === 401 || problem.status === 403) return say("keyWrong");
  if (problem.status === 404) return say("notFound");
  if (problem.status === 429 || type.endsWith(":overloaded")) return say("tooMany");
  if (type.includes(":model")) return say("modelDown");
  if (type.endsWith(":interrupted")) return say("interrupted");
  if (type.endsWith(":cancelled")) return say("stopped");
  return say("troubleTitle");
}
