// Makes elements. Text is always set as text, never parsed as markup.

/** el("a.mark", {href}, ["text", child]) */
export function el(name, attributes = {}, children = []) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "text") element.textContent = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...[children].flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

const SHAPES = {
  menu: "M3 6h18M3 12h18M3 18h18",
  theme: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  rename: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  close: "M6 6l12 12M18 6L6 18",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  up: "M7 11v9H4v-9zM7 11l4-8c2 0 3 1 2.5 3L13 9h6c1.5 0 2 1 1.7 2.200l-1.7 7c-.3 1.2-1 1.8-2 1.800H7",
  down: "M17 13V4h3v9zM17 13l-4 8c-2 0-3-1-2.5-3l.5-3H5c-1.5 0-2-1-1.7-2.200l1.7-7C5.3 4.6 6 4 7 4h10",
};

/** A line drawing that takes the colour of the text; it says nothing to people who listen. */
export function icon(name) {
  const make = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const drawing = make("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" });
  drawing.append(make("path", { d: SHAPES[name] }));
  return drawing;
}

/** The address if it is one that may be opened, else null: no `javascript:`, no `data:`, no file. */
export function safeLink(address) {
  try {
    return ["http:", "https:"].includes(new URL(address).protocol) ? address : null;
  } catch {
    return null;
  }
}

/** A link that leaves the page, or its text alone where the address may not be opened. */
export function outward(address, children, attributes = {}) {
  const href = safeLink(address);
  if (!href) return el("span", attributes, children);
  return el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow", ...attributes }, children);
}

/** The host of an address; of a file its name. */
export function hostOf(address) {
  try {
    const url = new URL(address);
    return plain(url.protocol === "file:" ? decodeURIComponent(url.pathname.split("/").pop()) : url.host) || address;
  } catch {
    return plain(address);
  }
}

/** Without the invisible characters that turn the direction of the words after them. */
export function plain(text) { return String(text).replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ""); }

/** Says something to people who listen to the page. */
export function announce(text) { byId("announce").textContent = text; }
