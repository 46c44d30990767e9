// The list of conversations at the side: open, rename, delete.
import * as api from "./api.js";
import { byId, el, icon, plain } from "./dom.js";
import { say } from "./words.js";

export class Threads {
  /** `confirm(text, word)` and `prompt(label, value, word)` ask the reader; `gone()` leaves a deleted conversation. */
  constructor({ confirm, prompt, gone }) {
    Object.assign(this, { confirm, prompt, gone });
    this.list = byId("thread-list");
    this.current = null;
  }

  /** Rows that have not changed stay what they are: the list may be read again while the reader presses one. */
  async refresh() {
    const asked = (this.asked = api.threads());
    const { threads } = await asked;
    if (asked !== this.asked) return; // a later list is on its way
    const held = this.holdsFocus() && document.activeElement;
    const id = held && held.closest("li").dataset.thread, place = held && [...held.parentElement.children].indexOf(held);
    const rows = new Map([...this.list.children].map((row) => [row.dataset.thread, row]));
    let next = this.list.firstChild;
    for (const thread of threads) {
      const old = rows.get(thread.id);
      const row = old?.firstChild.textContent === this.titleOf(thread) ? old : this.row(thread);
      if (row === next) next = next.nextSibling;
      else this.list.insertBefore(row, next);
    }
    while (next) { const gone = next; next = next.nextSibling; gone.remove(); }
    byId("no-threads").hidden = threads.length > 0;
    if (held && document.activeElement !== held) this.focus(id, place);
  }

  holdsFocus() { return this.list.contains(document.activeElement); }

  focus(id, place = 0) { this.list.querySelector(`[data-thread="${CSS.escape(id)}"]`)?.children[place].focus(); }

  select(id) {
    this.current = id;
    for (const row of this.list.children) this.mark(row);
  }

  mark(row) {
    const current = row.dataset.thread === this.current;
    row.classList.toggle("current", current);
    const link = row.querySelector("a");
    if (current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }

  async rename(id, title) {
    const typed = await this.prompt(say("renameTo"), title, say("save"));
    if (!typed) return;
    await api.renameThread(id, typed).catch((error) => this.missing(error));
    await this.refresh();
    if (this.holdsFocus()) this.focus(id); // else the reader has gone elsewhere meanwhile
  }

  async remove(id, title) {
    if (!(await this.confirm(say("deleteSure", plain(title)), say("delete")))) return;
    await api.deleteThread(id).catch((error) => { if (error.status !== 404) throw error; }); // gone is gone
    if (this.holdsFocus()) byId("new-thread").focus();
    if (id === this.current) this.gone();
    await this.refresh();
  }

  /** It was deleted elsewhere: the list is read again, and says so. */
  async missing(error) {
    if (error.status === 404) await this.refresh();
    throw Object.assign(error, { instead: { notFound: "threadGone" } });
  }

  titleOf({ title }) { return title || say("untitled"); }

  row(thread) {
    const title = this.titleOf(thread);
    const button = (word, name, onclick) => {
      const label = `${say(word)}: ${plain(title)}`;
      return el("button.icon", { type: "button", "aria-label": label, title: say(word), onclick }, [icon(name)]);
    };
    const row = el("li.thread", { "data-thread": thread.id }, [
      el("a", { href: `#/threads/${encodeURIComponent(thread.id)}`, dir: "auto", title: plain(title), text: title }),
      button("rename", "rename", () => this.rename(thread.id, title)),
      button("delete", "remove", () => this.remove(thread.id, title)),
    ]);
    this.mark(row);
    return row;
  }
}
