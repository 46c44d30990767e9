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

/** The address if it is one that may be opened, else null: no `javascript:`, no `data:`. */
export function safeLink(address) {
  try {
    const url = new URL(address, location.href);
    return url.protocol === "http:" || url.protocol === "https:" ? address : null;
  } catch {
    return null;
  }
}

/** A link that leaves the page, or its text alone where the address may not be opened. */
export function outward(address, children, attributes = {}) {
  const href = safeLink(address);
  if (!href) return el("span", {}, children);
  return el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow", ...attributes }, children);
}

export function hostOf(address) {
  try {
    const url = new URL(address);
    return url.protocol === "file:" ? decodeURIComponent(url.pathname.split("/").pop()) : url.host;
  } catch {
    return address;
  }
}

/** Says something to people who listen to the page. */
export function announce(text) { byId("announce").textContent = text; }
