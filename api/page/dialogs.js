// Questions to the reader. Enter says yes, Escape no; the focus goes back to where it was.
import { byId } from "./dom.js";

function open(dialog) {
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

/** Whether the reader agrees; `word` names what will be done. */
export async function confirm(text, word) {
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = word;
  return open(byId("confirm"));
}

/** A line of text, or null when the reader wants none. */
export async function prompt(label, value, word, type = "text") {
  byId("prompt-label").textContent = label;
  byId("prompt-yes").textContent = word;
  const field = byId("prompt-text");
  field.type = type;
  field.value = value;
  const answered = open(byId("prompt"));
  field.select();
  const typed = (await answered) ? field.value.trim() : null;
  field.value = "";
  return typed;
}

/** A secret. */
export const ask = (label, word) => prompt(label, "", word, "password");

for (const button of document.querySelectorAll("dialog [data-cancel]")) {
  button.addEventListener("click", () => button.closest("dialog").close("no"));
}
