// The page: where the reader is, what is asked, and the pieces put together.
import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { Evidence } from "./evidence.js";
import { showReading } from "./reading.js";
import { Sources } from "./sources.js";
import { Problem } from "./stream.js";
import { Threads } from "./threads.js";
import { Turn, explain } from "./turn.js";
import { currentLanguage, say, switchLanguage, translate } from "./words.js";

const THEME = "footnote.theme";
const RUNNING = "footnote.running"; // {runId, threadId} of an answer that a refresh may cut

const evidence = new Evidence();
const sources = new Sources({ confirm, changed: showIndexState });
const threads = new Threads({ confirm, prompt, open: (id) => { location.hash = id ? `#/threads/${id}` : "#/"; } });
let threadId = null;
let shown = null; // what #turns holds: a thread id, `run:ID`, or null for a new conversation

// -- Asking ---------------------------------------------------------------------------------------------------------

function addTurn(question) {
  const turn = new Turn(question, { evidence, again: askAgain, started: remember });
  byId("turns").append(turn.element);
  byId("welcome").hidden = true;
  return turn;
}

function remember({ run_id: runId, thread_id: thread }) {
  if (thread) threadId = thread;
  sessionStorage.setItem(RUNNING, JSON.stringify({ runId, threadId }));
  if (threadId && shown !== threadId) {
    shown = threadId;
    history.replaceState(null, "", `#/threads/${encodeURIComponent(threadId)}`);
    threads.select(threadId);
  }
}

async function ask(fields) {
  threadId ||= newThreadId();
  const turn = addTurn(fields.question);
  turn.element.scrollIntoView({ block: "start" });
  await follow(turn, { body: { ...fields, thread_id: threadId, on_disconnect: "continue" } });
}

async function follow(turn, options) {
  busy(turn);
  try {
    await turn.run(options);
  } finally {
    sessionStorage.removeItem(RUNNING);
    busy(null);
    await threads.refresh().catch(troubled);
    threads.select(threadId);
  }
}

function askAgain(fields) { return ask(fields); }

/** 128 random bits; the server keeps the conversation under it. */
function newThreadId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function busy(turn) { byId("send").disabled = Boolean(turn); }

byId("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("question");
  const question = field.value.trim();
  if (!question || byId("send").disabled) return;
  field.value = "";
  grow();
  ask({ question }).catch(troubled);
});

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

// -- Places ---------------------------------------------------------------------------------------------------------

const VIEWS = ["ask", "sources", "reading"];

function view(name) {
  for (const other of VIEWS) byId(`view-${other}`).hidden = other !== name;
  for (const place of ["ask", "sources"]) {
    if (place === name) byId(`place-${place}`).setAttribute("aria-current", "page");
    else byId(`place-${place}`).removeAttribute("aria-current");
  }
}

async function route() {
  closeDrawer();
  const [path, query] = location.hash.slice(1).split("?");
  const [, place, id] = path.split("/").map(decodeURIComponent);
  if (place === "sources") { view("sources"); return sources.show(); }
  if (place === "documents" && id) { view("reading"); return showReading(id, new URLSearchParams(query)); }
  view("ask");
  if (place === "threads" && id) return showThread(id);
  if (place === "runs" && id) return showRun(id);
  if (!place && shown !== null) clear();
  return showIndexState();
}

function clear() {
  shown = threadId = null;
  byId("turns").replaceChildren();
  byId("welcome").hidden = false;
  threads.select(null);
  byId("question").focus();
}

async function showThread(id) {
  if (shown === id) return;
  clear();
  shown = threadId = id;
  const stored = await api.thread(id);
  for (const turn of stored.turns) addTurn(turn.question).restore(turn);
  threads.select(id);
  const running = JSON.parse(sessionStorage.getItem(RUNNING) || "null");
  if (running?.threadId === id && !stored.turns.some((turn) => turn.run_id === running.runId && turn.state === "done")) {
    await pickUp(running.runId, stored.turns);
  }
}

/** Follows an answer that was running when the page was left. */
async function pickUp(runId, turns) {
  const known = turns.findIndex((turn) => turn.run_id === runId);
  if (known >= 0) byId("turns").children[known].remove();
  await follow(addTurn(""), { runId });
}

async function showRun(id) {
  if (shown === `run:${id}`) return;
  clear();
  shown = `run:${id}`;
  await follow(addTurn(""), { runId: id });
}

async function showIndexState() {
  const line = byId("index-state");
  const { sources: pages, total } = await api.sources();
  const count = total ?? pages.length;
  line.replaceChildren(...(count ? [say("indexed", count)] : [`${say("emptyIndex")} `, el("a", { href: "#/sources", text: say("addFirst") })]));
}

/** Foreign failures of a click or a change of place end here, in words. */
function troubled(error) {
  if (error.name === "AbortError") return;
  const problem = error instanceof Problem ? error.problem : { detail: String(error) };
  const box = el("div.trouble", { role: "alert" }, [el("p", { text: explain(problem) }), problem.detail ? el("p.quiet", { text: problem.detail }) : null]);
  const place = VIEWS.map((name) => byId(`view-${name}`)).find((section) => !section.hidden);
  (place.id === "view-ask" ? byId("turns") : place).append(box);
  if (!(error instanceof Problem)) throw error;
}

addEventListener("hashchange", () => route().catch(troubled));
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof Problem) { event.preventDefault(); troubled(event.reason); }
});

// -- Choices and dialogs ----------------------------------------------------------------------------------------------

function drawLanguage() {
  const button = byId("switch-language");
  button.textContent = currentLanguage() === "zh" ? "EN" : "中文";
  button.lang = currentLanguage() === "zh" ? "en" : "zh";
  button.setAttribute("aria-label", currentLanguage() === "zh" ? "English" : "中文");
}

byId("switch-language").addEventListener("click", () => {
  switchLanguage();
  drawLanguage();
  shown = shown === null ? null : undefined;
  route().catch(troubled);
  threads.refresh().catch(troubled);
});

byId("switch-theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem(THEME, document.documentElement.dataset.theme);
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
document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeDrawer(); });
byId("new-thread").addEventListener("click", () => {
  if (location.hash === "#/" || location.hash === "") { clear(); closeDrawer(); }
  else location.hash = "#/";
});

function dialog(element) {
  element.returnValue = "no";
  element.showModal();
  return new Promise((resolve) => element.addEventListener("close", () => resolve(element.returnValue === "yes"), { once: true }));
}

async function confirm(text, word) {
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = word;
  return dialog(byId("confirm"));
}

async function prompt(label, value, word, type = "text") {
  byId("prompt-label").textContent = label;
  byId("prompt-yes").textContent = word;
  const field = byId("prompt-text");
  field.type = type;
  field.value = value;
  const answered = dialog(byId("prompt"));
  field.select();
  return (await answered) ? field.value.trim() : null;
}

api.setKeyPrompt((again) => prompt(say(again ? "keyAgain" : "keyPrompt"), "", say("use"), "password"));
const theme = localStorage.getItem(THEME);
if (theme) document.documentElement.dataset.theme = theme;
translate();
drawLanguage();
threads.refresh().catch(troubled);
route().catch(troubled);
