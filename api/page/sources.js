// What is indexed, by site; adding to it with live progress; refreshing and removing.
import * as api from "./api.js";
import { announce, byId, el, hostOf, outward, plain, safeLink } from "./dom.js";
import { explain, told, whyNot } from "./problems.js";
import { Problem, follow } from "./stream.js";
import { ago, say } from "./words.js";

const FOLDED = 200; // rows of a site shown at once
const LOGGED = 50; // pages of a running ingestion shown at once

const address = (url) => el("span.url", { dir: "ltr", text: plain(url) });

export class Sources {
  /** `confirm(text, word)` asks the reader. */
  constructor({ confirm }) {
    this.confirm = confirm;
    this.view = byId("view-sources");
    this.needle = "";
    this.sources = [];
    this.folded = new Set();
  }

  async show() {
    this.watching?.abort();
    this.status = el("div", {});
    this.sites = el("div", {}, [el("p.quiet.waiting", { text: say("loading") })]);
    this.view.replaceChildren(el("h1", { id: "sources-title", text: say("sourcesTitle") }), this.form(), this.tools(), this.sites);
    await this.load();
    const { jobs } = await api.jobs();
    if (jobs[0]?.state === "running") await this.watch(jobs[0]);
  }

  form() {
    this.address = el("input", { id: "address", type: "text", inputmode: "url", required: true, placeholder: "https://", autocapitalize: "off", spellcheck: "false", dir: "ltr" });
    this.kind = el("select", { "aria-label": say("kind") }, [
      el("option", { value: "page", text: say("onePage") }), el("option", { value: "sitemap", text: say("sitemap") }), el("option", { value: "crawl", text: say("crawl") }),
    ]);
    const submit = (event) => {
      event.preventDefault();
      const url = this.address.value.trim();
      if (!url) return;
      const kinds = { page: { sources: [url] }, sitemap: { sitemaps: [url] }, crawl: { sources: [url], crawl: true } };
      this.start(kinds[this.kind.value]);
    };
    return el("form.panel", { onsubmit: submit }, [
      el("label", { for: "address", text: say("address") }),
      el("div.row", {}, [this.address, this.kind, el("button.primary", { type: "submit", text: say("add") })]),
      this.status,
    ]);
  }

  tools() {
    const filter = (event) => { this.needle = event.target.value; this.draw(); };
    return el("div.row.tools", {}, [
      el("input", { type: "search", "aria-label": say("filter"), placeholder: say("filter"), value: this.needle, oninput: filter }),
      el("button", { type: "button", text: say("refreshAll"), onclick: () => this.start({ refresh: true }) }),
    ]);
  }

  // -- Ingestions --

  async start(body) {
    this.refused?.remove();
    try {
      const job = await api.addSources(body);
      if (!body.refresh) this.address.value = ""; // now: what is typed while the job runs is the reader's
      await this.watch(job);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (!this.status.querySelector("progress")) this.status.replaceChildren(); // what runs stays in view
      this.status.before((this.refused = el("div", { role: "alert" }, told(error.problem))));
    }
  }

  /** Shows an ingestion as it goes, to its end. */
  async watch(job) {
    this.watching?.abort();
    const { signal } = (this.watching = new AbortController());
    const stop = el("button.small", { type: "button", text: say("stop"), onclick: () => api.cancelJob(job.job_id) });
    const parts = { line: el("p.quiet", { text: say("jobRunning") }), bar: el("progress", { "aria-label": say("jobRunning") }), log: el("ul.log", { tabindex: 0, "aria-label": say("jobRunning") }), stop };
    parts.log.hidden = true;
    this.status.replaceChildren(el("div.row.apart", {}, [parts.line, stop]), parts.bar, parts.log);
    try {
      await follow({
        open: (last, signal) => api.jobEvents(job.job_id, last, signal),
        onEvent: (name, data) => this.progress(name, data, parts),
        onPause: () => undefined,
        signal,
      });
    } catch (error) {
      if (error.name === "AbortError") return;
      throw error;
    }
    await this.load();
  }

  progress(name, data, { line, bar, log, stop }) {
    if (name === "page") {
      log.hidden = false;
      const why = data.reason ? ` (${whyNot(data.reason)})` : "";
      log.prepend(el("li", {}, [`${say("outcome", data.outcome)}: `, address(data.url), why]));
      while (log.children.length > LOGGED) log.lastChild.remove();
    } else if (name === "progress") {
      const left = data.waiting + data.fetching + data.writing;
      bar.max = Math.max(1, data.done + left);
      bar.value = data.done;
      line.textContent = `${say("jobRunning")} ${say("jobProgress", data.done, left)}`;
    } else {
      bar.remove();
      stop.remove();
      if (name === "done") this.ended(data, line, log);
      else line.textContent = explain(data);
      announce(line.textContent);
    }
  }

  ended(report, line, log) {
    line.textContent = `${say(report.stopped ? "jobStopped" : "jobDone")} ${say("jobCounts", report.pages)}`;
    const failures = report.failures.map(({ url, detail, reason }) =>
      el("li", {}, [address(url), `: ${whyNot(reason)}`, el("div.quiet", { lang: "en", dir: "auto", text: plain(detail) })]));
    log.replaceChildren(...failures);
    log.hidden = failures.length === 0;
  }

  // -- The list --

  async load() {
    const asked = (this.asked = api.sources());
    const { sources } = await asked;
    if (asked !== this.asked) return; // a later list is on its way
    const same = this.sites.drawn && JSON.stringify(sources) === JSON.stringify(this.sources);
    if (same) return; // the reader may be pressing a button of the list
    this.sources = sources;
    this.draw();
    this.sites.drawn = true;
  }

  draw() {
    const needle = this.needle.toLowerCase();
    const bySite = new Map();
    for (const source of this.sources) {
      if (needle && !`${source.url} ${source.title}`.toLowerCase().includes(needle)) continue;
      const site = source.url.startsWith("file:") ? say("local") : hostOf(source.url);
      if (!bySite.has(site)) bySite.set(site, []);
      bySite.get(site).push(source);
    }
    this.sites.replaceChildren(...[...bySite].map(([site, rows]) => this.site(site, rows)));
    if (!this.sources.length) this.sites.replaceChildren(el("p", { text: say("emptyIndex") }));
  }

  site(site, rows) {
    const head = (word) => el("th", { scope: "col", text: say(word) });
    const table = el("table", {}, [
      el("thead", {}, el("tr", {}, [head("page"), head("age"), head("chunks"), el("th", { scope: "col" }, el("span.hidden", { text: say("actions") }))])),
      el("tbody", {}, rows.slice(0, FOLDED).map((source) => this.row(source))),
    ]);
    const more = rows.length > FOLDED ? el("p.quiet", { text: `${say("untold")}: ${rows.length - FOLDED}` }) : null;
    const ontoggle = ({ target }) => this.folded[target.open ? "delete" : "add"](site);
    return el("details.site", { open: !this.folded.has(site), ontoggle }, [el("summary", { text: `${site} · ${say("pages", rows.length)}` }), table, more]);
  }

  row(source) {
    const title = source.title || source.url;
    const button = (word, onclick) =>
      el("button.small", { type: "button", text: say(word), "aria-label": `${say(word)}: ${plain(title)}`, onclick });
    const gone = source.state === "gone" ? el("span.verdict.unsupported", { text: say("outcome", "gone") }) : null;
    return el("tr", {}, [
      el("td", {}, [outward(source.url, title, { dir: "auto" }), el("span.url", { text: plain(source.url) }), gone]),
      el("td", { text: ago(source.fetched_at) }),
      el("td", { text: source.chunks }),
      el("td", {}, el("div.row", {}, [
        safeLink(source.url) ? button("refresh", () => this.start({ sources: [source.url] })) : null,
        button("remove", () => this.remove(source, title)),
      ])),
    ]);
  }

  async remove(source, title) {
    if (!(await this.confirm(say("removeSure", plain(title)), say("remove")))) return;
    await api.removeSource(source.url).catch(async (error) => {
      await this.load();
      throw Object.assign(error, { instead: { notFound: "pageGone" } });
    });
    announce(say("removed"));
    await this.load();
    this.view.querySelector("input[type=search]").focus();
  }
}
