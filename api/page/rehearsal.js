// Before it can show a first answer a browser must find fonts, formats and styles, which may take it a tenth of a
// second. It does so here, while the reader types: an answer is laid out where nobody sees it, and is gone at once.
import { el } from "./dom.js";
import { Turn } from "./turn.js";
import { say } from "./words.js";

export function rehearse() {
  const words = say("welcomeText"), address = location.href.split("#")[0];
  const citation = { n: 1, verdict: "verbatim", claim: { start: 0, end: words.length } };
  const document_ = { n: 1, id: "", url: address, link: address, title: words, section: [words], text: words, fetched_at: new Date().toISOString() };
  const turn = new Turn(words, {});
  turn.cards.append(turn.card(document_));
  turn.cards.hidden = false;
  turn.showQuestion({ text: say("welcomeTitle") });
  turn.answer.add(`${words} [1]\n\n- **${words}**`);
  turn.answer.cite(citation);
  turn.answer.finish();
  const stage = el("div.hidden", { "aria-hidden": "true", inert: true }, [turn.element]);
  document.body.append(stage);
  stage.getBoundingClientRect(); // lays it out now
  stage.remove();
}
