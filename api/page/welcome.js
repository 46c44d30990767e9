// The first screen: what is indexed, some questions to begin with, and what is missing. It also learns from the server
// how questions can be answered.
import * as api from "./api.js";
import { byId, el, plain } from "./dom.js";
import { told } from "./problems.js";
import { Problem } from "./stream.js";
import { currentLanguage, say } from "./words.js";

const AGAIN = 5000; // milliseconds
const OFFERED = 3;
const LONGEST = 70; // characters of a title that still reads well in a question

export class Welcome {
  /** `ask(question)` asks one that was offered. */
  constructor({ ask }) {
    this.ask = ask;
    this.state = byId("index-state");
    this.samples = byId("samples");
  }

  /** What is indexed is told at once. A server that is not ready is asked again, as long as the reader waits here. */
  async show() {
    clearTimeout(this.timer);
    const learned = this.learn();
    const found = await api.firstSources();
    if (!this.problem) this.draw(found);
    const before = this.problem;
    this.problem = await learned;
    if (before || this.problem) this.draw(found);
    if (this.problem) this.timer = setTimeout(() => { if (!byId("welcome").hidden) this.show().catch(() => undefined); }, AGAIN);
  }

  draw({ sources, total }) {
    const first = el("a.primary", { href: "#/sources", text: say("addFirst") });
    const pages = el("p", {}, total ? [say("indexed", total)] : [`${say("emptyIndex")} `, first]);
    const words = el("div", {}, this.problem ? told(this.problem) : [pages]);
    if (words.textContent !== this.state.textContent) this.state.replaceChildren(...words.childNodes); // said once
    this.offer(this.problem ? [] : questionsOf(sources));
  }

  /** Asks what the server can do, and offers it; returns the problem of one that is not ready, which tells it too. */
  async learn() {
    let problem = null;
    const health = await api.health().catch((error) => {
      if (!(error instanceof Problem)) throw error;
      return (problem = error.problem);
    });
    byId("mode").hidden = !health.modes?.includes("agent");
    return problem;
  }

  offer(questions) {
    const offered = JSON.stringify([say("tryOne"), questions]);
    if (offered === this.offered) return; // the reader may be pressing one
    this.offered = offered;
    const button = (question) =>
      el("li", {}, el("button", { type: "button", dir: "auto", text: question, onclick: () => this.ask(question) }));
    this.samples.replaceChildren(el("p.quiet", { id: "samples-title", text: say("tryOne") }),
      el("ul", { "aria-labelledby": "samples-title" }, questions.map(button)));
    this.samples.hidden = questions.length === 0;
  }
}

/** Questions about pages from all over the list, in the language of the page where there are such. */
function questionsOf(sources) {
  const there = sources.filter(({ title, state }) => title && state !== "gone" && plain(title).length <= LONGEST);
  const own = there.filter(({ language }) => language?.startsWith(currentLanguage()));
  const titles = [...new Set((own.length ? own : there).map(({ title }) => plain(title).trim()))].filter(Boolean);
  const step = Math.max(1, titles.length / OFFERED);
  return titles.filter((_, place) => Math.floor(place / step) !== Math.floor((place - 1) / step)).slice(0, OFFERED)
    .map((title) => (/[?？]$/.test(title) ? title : say("sample", title)));
}
