// What the page says, in English and Chinese.

const ENGLISH = {
  skip: "Skip to the content", places: "Places", ask: "Ask", sources: "Sources", threads: "Conversations", theme: "Light or dark",
  newThread: "New conversation", noThreads: "Conversations are kept here.", welcomeTitle: "Ask your pages.",
  welcomeText: "Every sentence of the answer carries a footnote: the exact words of a page, checked by the program.",
  questionLabel: "Your question", questionPlaceholder: "Ask a question", send: "Ask", stop: "Stop", retry: "Ask again",
  copy: "Copy with footnotes", copied: "Copied", copyLink: "Link to this answer", linkCopied: "Link copied", good: "Good answer", poor: "Poor answer",
  thanks: "Thank you, noted.", searching: "Searching the pages", searchedAs: "Searched as:", searchedAsAsked: "Searched as you asked.", edit: "Change", editLabel: "Change what is searched", searchThis: "Search this", cancel: "Cancel",
  documents: "Documents", foundDocuments: (n) => (n === 1 ? "1 document found" : `${n} documents found`), noDocuments: "No page fits this question.", lookAtSources: "See what is indexed, or add pages",
  answerDone: (n) => `Answer complete, ${n === 1 ? "1 footnote" : `${n} footnotes`}`, footnotes: "Footnotes",
  footnote: (n, verdict) => `Footnote ${n}, ${verdict}`, footnotePending: "Being checked", footnoteUnchecked: "Was not checked", noFootnote: "No footnote for this sentence",
  verbatim: "Word for word", supported: "Supported", unsupported: "Not supported",
  verbatimPromise: "The page says exactly this.", supportedPromise: "The quoted words carry this sentence: its numbers, names and negations agree.",
  unsupportedPromise: "The program could not find these words, or this fact, in the page named. Check it before you rely on it.",
  unsupportedNear: "These are the nearest words of the page, and they do not carry this sentence. Check it before you rely on it.",
  uncited: "This sentence states something and names no page.", noSuchDocument: "This footnote names no document of this answer.",
  openAtWords: "Open the page at these words", read: "Read the stored text", close: "Close", fetched: (when) => `read ${when}`, loading: "Loading",
  changedSince: "The page has changed since this answer.", goneSince: "The page is gone since this answer.",
  reconnecting: "Connection lost. Resuming…", stopped: "Stopped.", interrupted: "The server stopped before the answer was complete.",
  lengthNote: "The answer was cut at the length limit.", blockedNote: "The answer was ended by a rule of this server.",
  troubleTitle: "That did not work.", network: "The server cannot be reached. Is it running? Check your connection, then ask again.",
  tooMany: "Too many questions at once. Wait a moment, then ask again.", retryIn: (seconds) => `Ask again in ${seconds} s`,
  modelDown: "The language model cannot be reached or failed. Ask again; if it stays so, tell whoever runs this server.", modelBroke: "The language model stopped in mid-answer. What it said so far is above; ask again for the rest.",
  modelKey: "The language model does not accept this server’s key. Tell whoever runs this server.", modelRefused: "The language model refused this question. Ask it in other words or more briefly.", modelBusy: "The language model has too much to do. Wait a minute, then ask again.",
  setUpWrong: "This server is not set up right. Tell whoever runs it.", storageDown: "The server cannot store anything now. Tell whoever runs it.", notReady: "Questions cannot be answered just now. Try again in a moment; if it stays so, tell whoever runs this server.",
  serverFailed: "The server failed. Try again in a moment; if it stays so, tell whoever runs it.", tooLarge: "That is too long. Shorten it, then try again.", notUsable: "The server cannot use that as it is. Change it, then try again.", sourceFailed: "This page could not be read.", serverSays: "The server says:",
  keyWrong: "This server wants a key, and this one is not right. Reload the page to give another.", keyForbidden: "This key may not do that.", notFound: "There is no such thing here any more.", expired: "This answer is not kept any longer. Ask again.",
  threadGone: "This conversation has been deleted.", documentGone: "This text is not stored any longer. Its page may have been removed.", pageGone: "This page is not in the index any longer.", keyPrompt: "This server wants an API key", keyAgain: "That key was not accepted. API key", use: "Use it",
  indexDown: "The index cannot be reached. Ask again in a moment; if it stays so, tell whoever runs this server.", tooSlow: "The answer took too long and was stopped. Ask again, or ask something narrower.", conflict: "Something else is under way. Wait until it has ended, then try again.",
  emptyIndex: "No page is indexed yet.", addFirst: "Add the first one", indexed: (pages) => `${pages} ${pages === 1 ? "page" : "pages"} indexed.`,
  sourcesTitle: "Sources", address: "Address of a page, sitemap or site", kind: "What it is", onePage: "One page", sitemap: "Sitemap", crawl: "Whole site (follow links)",
  add: "Add", refreshAll: "Refresh everything", refresh: "Refresh", remove: "Remove", removeSure: (what) => `Remove ${what} from the index?`, removed: "Removed.",
  page: "Page", age: "Read", chunks: "Passages", pages: (n) => `${n} ${n === 1 ? "page" : "pages"}`, actions: "Actions", untold: "Not shown", local: "Local files", jobRunning: "Reading pages…", jobDone: "Done:", jobStopped: "Stopped:", jobProgress: (done, left) => `${done} done, ${left} to go`, outcome: (name) => ({ indexed: "indexed", unchanged: "unchanged", skipped: "skipped", failed: "failed", gone: "gone" })[name] || name,
  jobCounts: (r) => `${r.indexed} new or changed, ${r.unchanged} unchanged, ${r.failed} failed, ${r.skipped} skipped, ${r.gone} gone`, filter: "Filter the list",
  rename: "Rename", renameTo: "Name of this conversation", delete: "Delete", deleteSure: (what) => `Delete the conversation “${what}”? Its answers are lost.`, save: "Save",
  reason_unreachable: "the site did not answer", reason_refused: "a rule forbids it", reason_gone: "the page is gone", reason_too_large: "too large", reason_unreadable: "no text to read", reason_javascript: "shows its text only by JavaScript", reason_failed: "could not be read",
  reason_dead_link: "a link that leads nowhere", reason_robots: "the site asks robots to stay away", reason_noindex: "the page asks not to be indexed", reason_listing: "only a list of links", reason_duplicate: "the same as another page", reason_off_site: "on another site", reason_excluded: "left out by a rule", reason_max_pages: "more pages than allowed",
  byAgent: "Several searches", byAgentNote: "The model may search several times before it answers: slower, for questions of several parts.", stepsTaken: (n) => (n === 1 ? "1 step before the answer" : `${n} steps before the answer`),
  stepSearch: (what) => `Searched for “${what}”`, stepOpen: (n) => `Read the page of document ${n}`, stepList: "Listed the pages", stepListUnder: (prefix) => `Listed the pages under ${prefix}`, stepFound: (numbers) => `Found documents: ${numbers}`, stepNothing: "Nothing came back",
  tryOne: "Try one of these:", sample: (title) => `What is “${title}” about?`, hint: "Point at a number or tap it: it shows the words of the page that the sentence rests on.",
  back: "Back to the answer", storedNote: (when) => `This is the text as it was read ${when}.`, oldNote: (when) => `The page has changed since. This is the part of it that the answer was given, read ${when}.`, untitled: "Untitled",
};

const CHINESE = {
  skip: "跳到正文", places: "导航", ask: "提问", sources: "来源", threads: "对话", theme: "明暗主题",
  newThread: "新对话", noThreads: "对话会保存在这里。", welcomeTitle: "向你的网页提问。",
  welcomeText: "回答的每一句都带脚注：网页上的原话，由程序逐条核对。",
  questionLabel: "你的问题", questionPlaceholder: "输入问题", send: "提问", stop: "停止", retry: "重新提问",
  copy: "连同脚注复制", copied: "已复制", copyLink: "此回答的链接", linkCopied: "链接已复制", good: "回答得好", poor: "回答得不好",
  thanks: "谢谢，已记下。", searching: "正在检索网页", searchedAs: "检索用语：", searchedAsAsked: "按原问题检索。", edit: "修改", editLabel: "修改检索用语", searchThis: "按此检索", cancel: "取消",
  documents: "文档", foundDocuments: (n) => `找到 ${n} 篇文档`, noDocuments: "没有合适的网页。", lookAtSources: "查看或添加来源",
  answerDone: (n) => `回答完毕，共 ${n} 条脚注`, footnotes: "脚注",
  footnote: (n, verdict) => `脚注 ${n}，${verdict}`, footnotePending: "正在核对", footnoteUnchecked: "未核对", noFootnote: "这句话没有脚注",
  verbatim: "逐字引用", supported: "有据", unsupported: "无据",
  verbatimPromise: "网页上正是这样写的。", supportedPromise: "引文支持这句话：数字、名称与否定均一致。",
  unsupportedPromise: "程序没有在所引网页中找到这些话或这一事实。采信之前请先核实。",
  unsupportedNear: "这是网页上最接近的原话，但不足以支持这句话。采信之前请先核实。",
  uncited: "这句话陈述了事实，却没有注明网页。", noSuchDocument: "这条脚注没有对应的文档。",
  openAtWords: "在网页上打开这段话", read: "查看存档文本", close: "关闭", fetched: (when) => `${when}读取`, loading: "正在载入",
  changedSince: "回答之后，这个网页已有改动。", goneSince: "回答之后，这个网页已不存在。",
  reconnecting: "连接中断，正在恢复……", stopped: "已停止。", interrupted: "回答尚未完成，服务器已停止。",
  lengthNote: "回答因长度限制而被截断。", blockedNote: "回答因本服务器的规则而中止。",
  troubleTitle: "没有成功。", network: "无法连接服务器。请确认它正在运行并检查网络，然后重新提问。",
  tooMany: "同时提问的人太多，请稍候再问。", retryIn: (seconds) => `${seconds} 秒后可重新提问`,
  modelDown: "语言模型无法连接或出错。请重新提问；如果一直如此，请告知服务器管理员。", modelBroke: "语言模型中途停止了。上面是已经给出的部分；要得到完整的回答，请重新提问。",
  modelKey: "语言模型不接受本服务器的密钥。请告知服务器管理员。", modelRefused: "语言模型拒绝了这个问题。请换一种说法，或问得简短一些。", modelBusy: "语言模型正忙。请等一分钟再问。",
  setUpWrong: "服务器的设置有误。请告知服务器管理员。", storageDown: "服务器目前无法保存数据。请告知服务器管理员。", notReady: "现在还不能回答问题。请稍后再试；如果一直如此，请告知服务器管理员。",
  serverFailed: "服务器出错。请稍后再试；如果一直如此，请告知服务器管理员。", tooLarge: "内容太长。请缩短后再试。", notUsable: "服务器无法使用这项内容。请修改后再试。", sourceFailed: "无法读取这个网页。", serverSays: "服务器的说明：",
  keyWrong: "此服务器需要密钥，而这个密钥不正确。重新载入页面即可换一个。", keyForbidden: "这个密钥无权执行此操作。", notFound: "这里已经没有这项内容了。", expired: "这个回答已不再保留。请重新提问。",
  threadGone: "这个对话已被删除。", documentGone: "这段文本已不再保存，原网页可能已被移除。", pageGone: "这个网页已不在索引中。", keyPrompt: "此服务器需要 API 密钥", keyAgain: "密钥未被接受。API 密钥", use: "使用",
  indexDown: "无法访问索引。请稍后重新提问；如果一直如此，请告知服务器管理员。", tooSlow: "回答超时，已停止。请重新提问，或把问题问得更具体。", conflict: "另一项操作正在进行。请等它结束后再试。",
  emptyIndex: "还没有收录网页。", addFirst: "添加第一个网页", indexed: (pages) => `已收录 ${pages} 个网页。`,
  sourcesTitle: "来源", address: "网页、站点地图或网站的地址", kind: "类型", onePage: "单个网页", sitemap: "站点地图", crawl: "整个网站（跟随链接）",
  add: "添加", refreshAll: "全部刷新", refresh: "刷新", remove: "移除", removeSure: (what) => `从索引中移除 ${what}？`, removed: "已移除。",
  page: "网页", age: "读取时间", chunks: "段落", pages: (n) => `${n} 个网页`, actions: "操作", untold: "未显示", local: "本地文件", jobRunning: "正在读取网页……", jobDone: "完成：", jobStopped: "已停止：", jobProgress: (done, left) => `已完成 ${done}，还有 ${left}`, outcome: (name) => ({ indexed: "已收录", unchanged: "未变", skipped: "跳过", failed: "失败", gone: "已不存在" })[name] || name,
  jobCounts: (r) => `新增或有改动 ${r.indexed}，未变 ${r.unchanged}，失败 ${r.failed}，跳过 ${r.skipped}，已不存在 ${r.gone}`, filter: "筛选",
  rename: "重命名", renameTo: "对话名称", delete: "删除", deleteSure: (what) => `删除对话“${what}”？其中的回答将一并删除。`, save: "保存",
  reason_unreachable: "网站没有响应", reason_refused: "规则不允许", reason_gone: "网页已不存在", reason_too_large: "太大", reason_unreadable: "没有可读的文字", reason_javascript: "文字须由 JavaScript 显示", reason_failed: "无法读取",
  reason_dead_link: "链接已失效", reason_robots: "网站谢绝机器人", reason_noindex: "网页声明不要收录", reason_listing: "只是链接列表", reason_duplicate: "与另一网页相同", reason_off_site: "属于其他网站", reason_excluded: "按规则排除", reason_max_pages: "超出网页数上限",
  byAgent: "多次检索", byAgentNote: "模型可以先检索多次再回答：较慢，适合由几部分组成的问题。", stepsTaken: (n) => `回答之前共 ${n} 步`,
  stepSearch: (what) => `检索“${what}”`, stepOpen: (n) => `阅读文档 ${n} 的网页`, stepList: "列出所有网页", stepListUnder: (prefix) => `列出 ${prefix} 之下的网页`, stepFound: (numbers) => `找到文档：${numbers}`, stepNothing: "没有结果",
  tryOne: "试试这些问题：", sample: (title) => `“${title}”讲了什么？`, hint: "指向或点按数字，就能看到这句话所依据的网页原文。",
  back: "返回回答", storedNote: (when) => `这是${when}读取时的文本。`, oldNote: (when) => `网页此后已有改动。这是回答所依据的部分，${when}读取。`, untitled: "无标题",
};

const KEY = "footnote.language";
let language = localStorage.getItem(KEY) || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
let words = language === "zh" ? CHINESE : ENGLISH;

/** The page's word for `name`, if there is one; those with a number or a name in them are called with it. */
export function say(name, ...values) {
  const word = Object.hasOwn(words, name) ? words[name] : undefined;
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

const formats = {}; // costly to make

/** "3 days ago", in the page's language. */
export function ago(moment, style = "long") {
  const seconds = (new Date(moment) - Date.now()) / 1000;
  const steps = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const format = (formats[language + style] ||= new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto", style }));
  for (const [unit, size] of steps) if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  return format.format(0, "second");
}
