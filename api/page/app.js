// The page: where the reader is, what is asked, and the pieces put together.
import * as api from "./api.js";
import { ask as askReader, confirm, prompt } from "./dialogs.js";
import { byId, el, icon } from "./dom.js";
import { Evidence } from "./evidence.js";
import { inWords, told } from "./problems.js";
import { showReading } from "./reading.js";
import { rehearse } from "./rehearsal.js";
import { Sources } from "./sources.js";
import { Problem } from "./stream.js";
import { Threads } from "./threads.js";
import { Turn } from "./turn.js";
import { Welcome } from "./welcome.js";
import { currentLanguage, say, switchLanguage, translate } from "./words.js";

const THEME = "footnote.theme";
const LATER = 400; // milliseconds: the list of conversations must not hold up the documents
const VIEWS = ["ask", "sources", "reading"];

const evidence = new Evidence();
const sources = new Sources({ confirm });
const threads = new Threads({ confirm, prompt, gone: () => { location.hash = "#/"; }, troubled });
const welcome = new Welcome({ ask: (question) => ask({ question, mode: mode() }).catch(troubled) });
let threadId = null;
let shown = null; // what #turns holds: a thread id, `run:ID`, or null for a new conversation
let active = null; // the turn whose answer is being written
let arriving; // a promise of the conversation that is being fetched
let held = false; // a question waits for it

// -- Asking --

function addTurn(question, mode) {
  const turn = new Turn(question, { evidence, again: ask, started, mode });
  byId("turns").append(turn.element);
  byId("welcome").hidden = true;
  return turn;
}

/** The server has taken the question: from now on the address leads back to the conversation. */
function started(run) {
  if (!run.thread_id || run.thread_id !== threadId || shown === threadId) return;
  shown = threadId;
  history.replaceState(null, "", `#/threads/${encodeURIComponent(threadId)}`);
  threads.select(threadId);
  setTimeout(() => threads.refresh().catch(troubled), LATER);
}

async function ask(fields) {
  if (isBusy()) return;
  held = true;
  await arriving?.catch(() => undefined); // what is asked while a conversation is fetched belongs to it
  held = false;
  if (isBusy()) { byId("question").value ||= fields.question; return; }
  if (!threadId || String(shown).startsWith("run:")) threadId = newThreadId();
  const turn = addTurn(fields.question, fields.mode);
  turn.element.scrollIntoView({ block: "start" });
  await follow(turn, { body: { ...fields, thread_id: threadId, on_disconnect: "continue" } });
}

async function follow(turn, options) {
  setActive(turn);
  try {
    await turn.run(options);
  } finally {
    if (active === turn) {
      setActive(null);
      await threads.refresh().catch(troubled);
    }
  }
}

const isBusy = () => held || (active !== null && !active.ended);

function setActive(turn) {
  active = turn;
  byId("send").disabled = Boolean(turn);
}

/** 128 random bits; the server keeps the conversation under it. */
function newThreadId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

byId("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("question");
  const question = field.value.trim();
  if (!question || isBusy()) return;
  field.value = "";
  grow();
  if (!matchMedia("(hover: hover)").matches) field.blur(); // puts the keyboard of the screen away
  ask({ question, mode: mode() }).catch(troubled);
});

const mode = () => (byId("agent").checked && !byId("mode").hidden ? "agent" : "chain");

byId("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    byId("ask-form").requestSubmit();
  }
});

function grow() {
  const field = byId("question");
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}
byId("question").addEventListener("input", grow);

// -- Places --

function view(name) {
  for (const other of VIEWS) byId(`view-${other}`).hidden = other !== name;
  for (const place of ["ask", "sources"]) {
    if (place === name) byId(`place-${place}`).setAttribute("aria-current", "page");
    else byId(`place-${place}`).removeAttribute("aria-current");
  }
}

let going = 0; // a later change of place overtakes an earlier one

async function route() {
  const mine = ++going;
  closeDrawer();
  for (const box of document.querySelectorAll(".trouble.passing")) box.remove();
  const [path, query] = location.hash.slice(1).split("?");
  const [, place, id, part] = path.split("/").map(decoded);
  if (place === "sources") { view("sources"); return sources.show(); }
  const stillHere = () => mine === going;
  if (place === "documents" && id) { view("reading"); return showReading(id, new URLSearchParams(query), stillHere); }
  view("ask");
  if (place === "threads" && id) return (arriving = showThread(id, part, stillHere));
  if (place === "runs" && id) return (arriving = showRun(id, stillHere));
  if (!place && shown !== null) clear();
  return welcome.show();
}

function decoded(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

function clear() {
  active?.leave();
  setActive(null);
  shown = threadId = null;
  byId("turns").replaceChildren();
  byId("welcome").hidden = false;
  threads.select(null);
}

async function showThread(id, runId, stillHere) {
  if (shown !== id) {
    const stored = await api.thread(id).catch(inWords({ notFound: "threadGone" }));
    if (!stillHere()) return;
    clear();
    shown = threadId = id;
    threads.select(id);
    byId("welcome").hidden = stored.turns.length > 0;
    for (const turn of stored.turns) showTurn(turn);
  }
  if (runId && !byId("question").value) document.querySelector(`[data-run="${CSS.escape(runId)}"] h2`)?.focus();
}

/** A turn that was not finished, as far as was known, is read from its run, which may still go on. */
function showTurn(stored) {
  const turn = addTurn(stored.question);
  turn.threadId = threadId;
  turn.element.dataset.run = stored.run_id;
  if (stored.state === "done") turn.restore(stored);
  else if (stored.state === "running") follow(turn, { runId: stored.run_id, stored }).catch(troubled);
  else turn.run({ runId: stored.run_id, stored }).catch(troubled);
}

async function showRun(id, stillHere) {
  if (shown === `run:${id}`) return;
  const run = await api.run(id).catch(inWords({ notFound: "expired" }));
  if (!stillHere()) return;
  clear();
  shown = `run:${id}`;
  const turn = addTurn(run.question);
  if (run.result) turn.restore({ ...run.result, standalone_question: run.result.question });
  else follow(turn, { runId: id }).catch(troubled);
}

/** What a click or a change of place could not do ends here, in words. */
function troubled(error) {
  if (error.name === "AbortError") return;
  const problem = error instanceof Problem ? error.problem : {};
  const box = el("div.trouble.passing", { role: "alert" }, told(problem, error.instead));
  const place = VIEWS.map((name) => byId(`view-${name}`)).find((section) => !section.hidden);
  for (const waiting of place.querySelectorAll(":scope > .waiting")) waiting.remove();
  (place.id === "view-ask" ? byId("turns") : place).append(box);
  box.scrollIntoView({ block: "nearest" });
  if (!(error instanceof Problem)) reportError(error);
}

addEventListener("hashchange", () => route().catch(troubled));
addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof Problem)) return;
  event.preventDefault();
  troubled(event.reason);
});

// -- Choices --

function drawLanguage() {
  const button = byId("switch-language");
  const [name, code] = currentLanguage() === "zh" ? ["EN", "en"] : ["中文", "zh"];
  button.textContent = name;
  button.lang = code;
}

byId("switch-language").addEventListener("click", () => {
  switchLanguage();
  drawLanguage();
  if (shown !== null) shown = undefined;
  route().catch(troubled);
  threads.refresh().catch(troubled);
});

byId("switch-theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem(THEME, root.dataset.theme);
});

function closeDrawer() {
  byId("threads").classList.remove("open");
  byId("open-threads").setAttribute("aria-expanded", "false");
}
byId("open-threads").addEventListener("click", () => {
  const open = byId("threads").classList.toggle("open");
  byId("open-threads").setAttribute("aria-expanded", String(open));
  if (open) byId("new-thread").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !byId("threads").classList.contains("open")) return;
  closeDrawer();
  byId("open-threads").focus();
});
document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest("#threads, #open-threads, dialog")) closeDrawer();
});
byId("new-thread").addEventListener("click", () => {
  clear();
  if (["", "#", "#/"].includes(location.hash)) closeDrawer();
  else location.hash = "#/";
  byId("question").focus();
});

for (const button of document.querySelectorAll("[data-icon]")) button.replaceChildren(icon(button.dataset.icon));
api.setKeyPrompt((again) => askReader(say(again ? "keyAgain" : "keyPrompt"), say("use")));
const theme = localStorage.getItem(THEME);
if (theme) document.documentElement.dataset.theme = theme;
translate();
drawLanguage();
threads.refresh().catch(troubled);
route().catch(troubled).then(() => { if (!document.querySelector(".turn")) rehearse(); });
if (location.hash.startsWith("#/threads")) welcome.learn().catch(troubled);
if (matchMedia("(hover: hover)").matches) byId("question").focus();
