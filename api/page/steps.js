// What the model looked up before it answered: one line for each search or reading, and what came of it to unfold.
import { el, plain } from "./dom.js";
import { say } from "./words.js";

const SHOWN = 4000; // characters of what a tool gave
const FOUND = /^\[(\d+)\] /gm; // how a document begins that was found

export class Steps {
  constructor() {
    this.count = 0;
    this.summary = el("summary", {}, [el("span", { dir: "auto" })]);
    this.list = el("ol");
    this.element = el("details.steps", { hidden: true }, [this.summary, this.list]);
  }

  add(step) {
    const line = step.kind === "action" ? this.action(step) : this.outcome(step);
    this.list.append(line);
    this.element.hidden = false;
  }

  /** The line of the summary says what is going on, and at the end how many steps it took. */
  tell(text) { this.summary.firstChild.textContent = text; }

  action({ tool, input }) {
    this.count += 1;
    const doing = (this.doing = action(tool, input));
    this.tell(doing);
    return el("li", { dir: "auto", text: doing });
  }

  outcome({ tool, output }) {
    const text = String(output ?? "");
    const numbers = [...text.matchAll(FOUND)].map((match) => match[1]);
    const first = plain(text.split("\n", 1)[0]);
    const summary = numbers.length ? say("stepFound", [...new Set(numbers)].join(", ")) : first || say("stepNothing");
    const body = text.replace(/\n{3,}/g, "\n\n").trim();
    if (!numbers.length && body === first) return el("li.outcome", { dir: "auto", text: summary });
    const words = body.length > SHOWN ? `${body.slice(0, SHOWN)} …` : body;
    return el("li.outcome", {}, el("details", {}, [
      el("summary", { dir: "auto", text: summary }),
      el("pre", { tabindex: 0, dir: "auto", "aria-label": plain(tool), text: words }),
    ]));
  }

  finish() {
    if (this.count) this.tell(say("stepsTaken", this.count));
  }
}

/** What a call of a tool does, in words; of a tool that the page does not know, its name and what it was given. */
function action(tool, input) {
  const { query, number, prefix } = input && typeof input === "object" ? input : {};
  if (tool === "search" && query) return say("stepSearch", plain(query));
  if (tool === "open_document" && number) return say("stepOpen", plain(number));
  if (tool === "list_sources") return prefix ? say("stepListUnder", plain(prefix)) : say("stepList");
  return plain(`${tool} ${JSON.stringify(input ?? "")}`);
}
