// What the page says, in English and Chinese.

const ENGLISH = {
  skip: "Skip to the content", places: "Places", ask: "Ask", sources: "Sources", threads: "Conversations", theme: "Light or dark",
  newThread: "New conversation", noThreads: "Conversations are kept here.", welcomeTitle: "Ask your pages.",
  welcomeText: "Every sentence of the answer carries a footnote: the exact words of a page, checked by the program.",
  questionLabel: "Your question", questionPlaceholder: "Ask a question", send: "Ask", stop: "Stop", retry: "Ask again",
  copy: "Copy with footnotes", copied: "Copied", copyLink: "Link to this answer", linkCopied: "Link copied", good: "Good answer", poor: "Poor answer",
  thanks: "Thank you, noted.", searching: "Searching the pages", answering: "Answering", searchedAs: "Searched as:", edit: "Change", editLabel: "Change what is searched", searchThis: "Search this", cancel: "Cancel",
  documents: "Documents", foundDocuments: (n) => (n === 1 ? "1 document found" : `${n} documents found`), noDocuments: "No page fits this question.", lookAtSources: "See what is indexed, or add pages",
  answerDone: (n) => `Answer complete, ${n === 1 ? "1 footnote" : `${n} footnotes`}`, footnotes: "Footnotes",
  footnote: (n, verdict) => `Footnote ${n}, ${verdict}`, footnotePending: "Being checked", footnoteUnchecked: "Was not checked", noFootnote: "No footnote for this sentence",
  verbatim: "Word for word", supported: "Supported", unsupported: "Not supported",
  verbatimPromise: "The page says exactly this.", supportedPromise: "The quoted words carry this sentence: its numbers, names and negations agree.",
  unsupportedPromise: "The program could not find these words, or this fact, in the page named. Check it before you rely on it.",
  uncited: "This sentence states something and names no page.", noSuchDocument: "This footnote names no document of this answer.",
  openAtWords: "Open the page at these words", read: "Read the stored text", close: "Close", fetched: (when) => `read ${when}`, loading: "Loading",
  changedSince: "The page has changed since this answer.", goneSince: "The page is gone since this answer.",
  reconnecting: "Connection lost. Resuming…", stopped: "Stopped.", interrupted: "The server stopped before the answer was complete.",
  lengthNote: "The answer was cut at the length limit.", blockedNote: "The answer was ended by a rule of this server.",
  troubleTitle: "That did not work.", network: "The server cannot be reached. Is it running? Check your connection, then ask again.",
  tooMany: "Too many questions at once. Wait a moment, then ask again.", modelDown: "The language model cannot be reached or failed. Ask again; if it stays so, tell whoever runs this server.",
  keyWrong: "This server wants a key, and this one is not right.", notFound: "There is no such thing here any more.", keyPrompt: "This server wants an API key", keyAgain: "That key was not accepted. API key", use: "Use it",
  indexDown: "The index cannot be reached. Ask again in a moment; if it stays so, tell whoever runs this server.", tooSlow: "The answer took too long and was stopped. Ask again, or ask something narrower.", conflict: "Something else is under way. Wait until it has ended, then try again.",
  emptyIndex: "No page is indexed yet.", addFirst: "Add the first one", indexed: (pages) => `${pages} ${pages === 1 ? "page" : "pages"} indexed.`,
  sourcesTitle: "Sources", address: "Address of a page, sitemap or site", kind: "What it is", onePage: "One page", sitemap: "Sitemap", crawl: "Whole site (follow links)",
  add: "Add", refreshAll: "Refresh everything", refresh: "Refresh", remove: "Remove", removeSure: (what) => `Remove ${what} from the index?`, removed: "Removed.",
  page: "Page", age: "Read", chunks: "Passages", pages: (n) => `${n} ${n === 1 ? "page" : "pages"}`, actions: "Actions", untold: "Not shown", local: "Local files", jobRunning: "Reading pages…", jobDone: "Done:", jobStopped: "Stopped:", jobProgress: (done, left) => `${done} done, ${left} to go`, outcome: (name) => ({ indexed: "indexed", unchanged: "unchanged", skipped: "skipped", failed: "failed", gone: "gone" })[name] || name,
  jobCounts: (r) => `${r.indexed} new or changed, ${r.unchanged} unchanged, ${r.failed} failed, ${r.skipped} skipped, ${r.gone} gone`, filter: "Filter the list",
  rename: "Rename", renameTo: "Name of this conversation", delete: "Delete", deleteSure: (what) => `Delete the conversation “${what}”? Its answers are lost.`, save: "Save",
  readingTitle: "Stored text", back: "Back to the answer", storedNote: (when) => `This is the text as it was read ${when}.`, oldNote: (when) => `The page has changed since. This is the part of it that the answer was given, read ${when}.`, untitled: "Untitled",
};

const CHINESE = {
  skip: "跳到正文", places: "导航", ask: "提问", sources: "来源", threads: "对话", theme: "明暗主题",
  newThread: "新对话", noThreads: "对话会保存在这里。", welcomeTitle: "向你的网页提问。",
  welcomeText: "回答的每一句都带脚注：网页上的原话，由程序逐条核对。",
  questionLabel: "你的问题", questionPlaceholder: "输入问题", send: "提问", stop: "停止", retry: "重新提问",
  copy: "连同脚注复制", copied: "已复制", copyLink: "此回答的链接", linkCopied: "链接已复制", good: "回答得好", poor: "回答得不好",
  thanks: "谢谢，已记下。", searching: "正在检索网页", answering: "正在回答", searchedAs: "检索用语：", edit: "修改", editLabel: "修改检索用语", searchThis: "按此检索", cancel: "取消",
  documents: "文档", foundDocuments: (n) => `找到 ${n} 篇文档`, noDocuments: "没有合适的网页。", lookAtSources: "查看或添加来源",
  answerDone: (n) => `回答完毕，共 ${n} 条脚注`, footnotes: "脚注",
  footnote: (n, verdict) => `脚注 ${n}，${verdict}`, footnotePending: "正在核对", footnoteUnchecked: "未核对", noFootnote: "这句话没有脚注",
  verbatim: "逐字引用", supported: "有据", unsupported: "无据",
  verbatimPromise: "网页上正是这样写的。", supportedPromise: "引文支持这句话：数字、名称与否定均一致。",
  unsupportedPromise: "程序没有在所引网页中找到这些话或这一事实。采信之前请先核实。",
  uncited: "这句话陈述了事实，却没有注明网页。", noSuchDocument: "这条脚注没有对应的文档。",
  openAtWords: "在网页上打开这段话", read: "查看存档文本", close: "关闭", fetched: (when) => `${when}读取`, loading: "正在载入",
  changedSince: "回答之后，这个网页已有改动。", goneSince: "回答之后，这个网页已不存在。",
  reconnecting: "连接中断，正在恢复……", stopped: "已停止。", interrupted: "回答尚未完成，服务器已停止。",
  lengthNote: "回答因长度限制而被截断。", blockedNote: "回答因本服务器的规则而中止。",
  troubleTitle: "没有成功。", network: "无法连接服务器。请确认它正在运行并检查网络，然后重新提问。",
  tooMany: "同时提问的人太多，请稍候再问。", modelDown: "语言模型无法连接或出错。请重新提问；如果一直如此，请告知服务器管理员。",
  keyWrong: "此服务器需要密钥，而这个密钥不正确。", notFound: "这里已经没有这项内容了。", keyPrompt: "此服务器需要 API 密钥", keyAgain: "密钥未被接受。API 密钥", use: "使用",
  indexDown: "无法访问索引。请稍后重新提问；如果一直如此，请告知服务器管理员。", tooSlow: "回答超时，已停止。请重新提问，或把问题问得更具体。", conflict: "另一项操作正在进行。请等它结束后再试。",
  emptyIndex: "还没有收录网页。", addFirst: "添加第一个网页", indexed: (pages) => `已收录 ${pages} 个网页。`,
  sourcesTitle: "来源", address: "网页、站点地图或网站的地址", kind: "类型", onePage: "单个网页", sitemap: "站点地图", crawl: "整个网站（跟随链接）",
  add: "添加", refreshAll: "全部刷新", refresh: "刷新", remove: "移除", removeSure: (what) => `从索引中移除 ${what}？`, removed: "已移除。",
  page: "网页", age: "读取时间", chunks: "段落", pages: (n) => `${n} 个网页`, actions: "操作", untold: "未显示", local: "本地文件", jobRunning: "正在读取网页……", jobDone: "完成：", jobStopped: "已停止：", jobProgress: (done, left) => `已完成 ${done}，还有 ${left}`, outcome: (name) => ({ indexed: "已收录", unchanged: "未变", skipped: "跳过", failed: "失败", gone: "已不存在" })[name] || name,
  jobCounts: (r) => `新增或有改动 ${r.indexed}，未变 ${r.unchanged}，失败 ${r.failed}，跳过 ${r.skipped}，已不存在 ${r.gone}`, filter: "筛选",
  rename: "重命名", renameTo: "对话名称", delete: "删除", deleteSure: (what) => `删除对话“${what}”？其中的回答将一并删除。`, save: "保存",
  readingTitle: "存档文本", back: "返回回答", storedNote: (when) => `这是${when}读取时的文本。`, oldNote: (when) => `网页此后已有改动。这是回答所依据的部分，${when}读取。`, untitled: "无标题",
};

const KEY = "footnote.language";
let language = localStorage.getItem(KEY) || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
let words = language === "zh" ? CHINESE : ENGLISH;

/** The page's word for `name`; those with a number or a name in them are called with it. */
export function say(name, ...values) {
  const word = words[name];
  return typeof word === "function" ? word(...values) : word;
}

export const currentLanguage = () => language;

export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem(KEY, language);
  words = language === "zh" ? CHINESE : ENGLISH;
  translate();
}

/** Puts the words into everything that stands in the page already. */
export function translate(root = document) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = say(element.dataset.word);
  for (const element of root.querySelectorAll("[data-word-label]")) element.setAttribute("aria-label", say(element.dataset.wordLabel));
  for (const element of root.querySelectorAll("[data-word-placeholder]")) element.placeholder = say(element.dataset.wordPlaceholder);
}

/** "3 days ago", in the page's language. */
export function ago(moment) {
  const seconds = (new Date(moment) - Date.now()) / 1000;
  const steps = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const format = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  for (const [unit, size] of steps) if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  return format.format(0, "second");
}
