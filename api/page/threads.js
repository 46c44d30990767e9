// The list of conversations at the side: open, rename, delete.
import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { say } from "./words.js";

export class Threads {
  /** `confirm(text, word)` and `prompt(label, value, word)` ask the reader; `open(id)` goes to a conversation. */
  constructor({ confirm, prompt, open }) {
    Object.assign(this, { confirm, prompt, open });
    this.list = byId("thread-list");
    this.current = null;
  }

  async refresh() {
    const { threads } = await api.threads();
    this.list.replaceChildren(...threads.map((thread) => this.row(thread)));
    byId("no-threads").hidden = threads.length > 0;
  }

  select(id) {
    this.current = id;
    for (const row of this.list.children) this.mark(row);
  }

  mark(row) {
    const current = row.dataset.thread === this.current;
    row.classList.toggle("current", current);
    const link = row.querySelector("a");
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }

  row(thread) {
    const title = thread.title || say("untitled");
    const id = thread.id || thread.thread_id;
    const rename = async () => {
      const typed = await this.prompt(say("renameTo"), title, say("save"));
      if (typed) { await api.renameThread(id, typed); await this.refresh(); }
    };
    const remove = async () => {
      if (!(await this.confirm(say("deleteSure", title), say("delete")))) return;
      await api.deleteThread(id);
      if (id === this.current) this.open(null);
      await this.refresh();
      byId("new-thread").focus();
    };
    const row = el("li.thread", { "data-thread": id }, [
      el("a", { href: `#/threads/${encodeURIComponent(id)}`, dir: "auto", title, text: title }),
      el("button.icon", { type: "button", "aria-label": `${say("rename")}: ${title}`, title: say("rename"), text: "✎", onclick: rename }),
      el("button.icon", { type: "button", "aria-label": `${say("delete")}: ${title}`, title: say("delete"), text: "✕", onclick: remove }),
    ]);
    this.mark(row);
    return row;
  }
}
