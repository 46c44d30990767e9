// What went wrong, in people's words and in the language of the page, with what to do. The server's own words follow,
// smaller, where they tell more.
import { el } from "./dom.js";
import { say } from "./words.js";

const WORDS = [
  [/:unauthorized$/, "keyWrong"],
  [/:forbidden$/, "keyForbidden"],
  [/:not-found$/, "notFound"],
  [/:overloaded$/, "tooMany"],
  [/:model-rejected-key$/, "modelKey"],
  [/:model-refused$/, "modelRefused"],
  [/:model-rate-limited$/, "modelBusy"],
  [/:model-stream-broken$/, "modelBroke"],
  [/:model/, "modelDown"],
  [/:(configuration|unknown-model|missing-credentials|missing-weights|index-mismatch)$/, "setUpWrong"],
  [/:index-unavailable$/, "indexDown"],
  [/:not-ready$/, "notReady"],
  [/:storage$/, "storageDown"],
  [/:deadline-exceeded$/, "tooSlow"],
  [/:interrupted$/, "interrupted"],
  [/:cancelled$/, "stopped"],
  [/:conflict$/, "conflict"],
  [/:too-large$/, "tooLarge"],
  [/:(invalid-request|malformed|unsupported-media-type)$/, "notUsable"],
  [/:source/, "sourceFailed"],
];
const TOLD_IN_FULL = new Set(["network", "tooMany", "notFound", "interrupted", "stopped", "conflict", "tooSlow", "keyWrong"]);

const wordFor = ({ title, type = "", status }) => {
  if (title === "network") return "network";
  const known = WORDS.find(([pattern]) => pattern.test(type));
  if (known) return known[1];
  if (status === 429) return "tooMany";
  return status >= 500 ? "serverFailed" : "troubleTitle";
};

/** A problem in people's words, with what to do. `instead` names words that fit the place better: `{notFound: "gone"}`. */
export function explain(problem, instead = {}) {
  const word = wordFor(problem);
  return say(instead[word] || word);
}

/** Paragraphs for a problem: the page's words, then the server's, where those tell more. */
export function told(problem, instead = {}) {
  const more = problem.detail && !TOLD_IN_FULL.has(wordFor(problem));
  const detail = more ? el("p.quiet.detail", {}, [`${say("serverSays")} `, el("span", { dir: "auto", lang: "en", text: problem.detail })]) : null;
  return [el("p", { text: explain(problem, instead) }), detail].filter(Boolean);
}

/** Why a page was not read, in words; the server's word for a reason that this page does not know. */
export const whyNot = (reason) => say(`reason_${reason}`) || reason;

/** For `catch`: the problem goes on, to be told in words that fit better. */
export const inWords = (instead) => (error) => { throw Object.assign(error, { instead }); };
