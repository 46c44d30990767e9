// What is indexed, by site; adding to it with live progress; refreshing and removing.
import * as api from "./api.js";
import { announce, byId, el, hostOf, outward } from "./dom.js";
import { Problem, follow } from "./stream.js";
import { explain } from "./turn.js";
import { ago, say } from "./words.js";

const FOLDED = 200; // rows of a site shown at once

export class Sources {
  constructor({ confirm, changed }) {
    this.confirm = confirm;
    this.changed = changed;
    this.view = byId("view-sources");
    this.needle = "";
  }

  async show() {
    this.status = el("div", { role: "status" });
    this.sites = el("div", {}, []);
    this.view.replaceChildren(
      el("h1", { id: "sources-title", text: say("sourcesTitle") }),
      this.form(),
      el("div.row", {}, [
        el("input", { type: "text", "aria-label": say("filter"), placeholder: say("filter"), value: this.needle, oninput: (event) => { this.needle = event.target.value; this.draw(); } }),
        el("button", { type: "button", text: say("refreshAll"), onclick: () => this.start({ refresh: true }) }),
      ]),
      this.sites,
    );
    await this.load();
  }

  form() {
    this.address = el("input", { id: "address", type: "text", inputmode: "url", required: true, placeholder: "https://", autocapitalize: "off", spellcheck: "false" });
    this.kind = el("select", { "aria-label": say("kind") }, [
      el("option", { value: "page", text: say("onePage") }), el("option", { value: "sitemap", text: say("sitemap") }), el("option", { value: "crawl", text: say("crawl") }),
    ]);
    const submit = (event) => {
      event.preventDefault();
      const url = this.address.value.trim();
      if (!url) return;
      const body = this.kind.value === "sitemap" ? { sitemaps: [url] } : { sources: [url], ...(this.kind.value === "crawl" ? { crawl: true } : {}) };
      this.start(body);
    };
    return el("form.panel", { onsubmit: submit }, [
      el("label", { for: "address", text: say("address") }),
      el("div.row", {}, [this.address, this.kind, el("button.primary", { type: "submit", text: say("add") })]),
      this.status,
    ]);
  }

  async start(body) {
    const bar = el("progress", { "aria-label": say("jobRunning") });
    const line = el("p.quiet", { text: say("jobRunning") });
    const log = el("ul.log", {});
    this.status.replaceChildren(line, bar, log);
    try {
      const job = await api.addSources(body);
      const abort = new AbortController();
      await follow({ open: (last) => api.jobEvents(job.job_id || job.id, last, abort.signal), onEvent: (name, data) => this.progress(name, data, { bar, line, log }), onPause: () => undefined, signal: abort.signal });
      this.address.value = "";
      await this.load();
      this.changed();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      bar.remove();
      line.textContent = `${explain(error.problem)} ${error.problem.detail || ""}`;
    }
  }

  progress(name, data, { bar, line, log }) {
    if (name === "error") throw new Problem(data);
    if (name === "done") {
      const report = data.report || data;
      bar.remove();
      line.textContent = `${say("jobDone")}: ${say("jobCounts", report.pages)}`;
      announce(line.textContent);
      for (const failure of report.failures || []) log.append(el("li", { text: `${failure.url}: ${failure.detail || failure.reason}` }));
      return;
    }
    if (data.total) { bar.max = data.total; bar.value = data.done || 0; }
    if (data.done !== undefined) line.textContent = `${say("jobRunning")} ${data.done}${data.total ? ` / ${data.total}` : ""}`;
    if (data.url) log.prepend(el("li", { text: `${data.state || data.outcome || ""} ${data.url}` }));
    while (log.children.length > 50) log.lastChild.remove();
  }

  async load() {
    const { sources } = await api.sources();
    this.sources = sources;
    this.draw();
  }

  draw() {
    const needle = this.needle.toLowerCase();
    const bySite = new Map();
    for (const source of this.sources) {
      if (needle && !`${source.url} ${source.title}`.toLowerCase().includes(needle)) continue;
      const site = source.url.startsWith("file:") ? say("local") : hostOf(source.url);
      bySite.set(site, [...(bySite.get(site) || []), source]);
    }
    this.sites.replaceChildren(...[...bySite].map(([site, rows]) => this.site(site, rows)));
    if (!this.sources.length) this.sites.replaceChildren(el("p", { text: say("emptyIndex") }));
  }

  site(site, rows) {
    const table = el("table", {}, [
      el("thead", {}, el("tr", {}, [
        el("th", { scope: "col", text: say("page") }), el("th", { scope: "col", text: say("age") }), el("th", { scope: "col", text: say("chunks") }),
        el("th", { scope: "col" }, el("span.hidden", { text: say("remove") })),
      ])),
      el("tbody", {}, rows.slice(0, FOLDED).map((source) => this.row(source))),
    ]);
    const more = rows.length > FOLDED ? el("p.quiet", { text: `… ${rows.length - FOLDED}` }) : null;
    return el("details.site", { open: true }, [el("summary", { text: `${site} · ${say("pages", rows.length)}` }), table, more]);
  }

  row(source) {
    const remove = async () => {
      if (!(await this.confirm(say("removeSure", source.title || source.url), say("remove")))) return;
      await api.removeSource(source.url);
      announce(say("removed"));
      await this.load();
      this.changed();
    };
    return el("tr", {}, [
      el("td", {}, [outward(source.url, source.title || source.url, { dir: "auto" }), el("span.url", { text: source.url })]),
      el("td", { text: ago(source.fetched_at) }),
      el("td", { text: source.chunks }),
      el("td", {}, el("button.small", { type: "button", text: say("remove"), "aria-label": `${say("remove")}: ${source.title || source.url}`, onclick: remove })),
    ]);
  }
}
