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

  async refresh() {
    const { threads } = await api.threads();
    const held = this.list.contains(document.activeElement) ? document.activeElement : null;
    const id = held?.closest("li").dataset.thread, place = held && [...held.parentElement.children].indexOf(held);
    this.list.replaceChildren(...threads.map((thread) => this.row(thread)));
    byId("no-threads").hidden = threads.length > 0;
    if (held) this.focus(id, place);
  }

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
    this.focus(id);
  }

  async remove(id, title) {
    if (!(await this.confirm(say("deleteSure", plain(title)), say("delete")))) return;
    await api.deleteThread(id).catch((error) => { if (error.status !== 404) throw error; }); // gone is gone
    if (id === this.current) this.gone();
    await this.refresh();
    byId("new-thread").focus();
  }

  /** It was deleted elsewhere: the list is read again, and says so. */
  async missing(error) {
    if (error.status === 404) await this.refresh();
    throw Object.assign(error, { instead: { notFound: "threadGone" } });
  }

  row(thread) {
    const title = thread.title || say("untitled");
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
