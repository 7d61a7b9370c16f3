// Making elements. Text only ever becomes text: nothing here parses markup, so a name or a message cannot be taken for it.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
export const byId = (id) => document.getElementById(id);

/** Puts `children` in place of what is in `parent`, and keeps the focus on the element that stands for the same thing. */
export function show(parent, ...children) {
  const key = document.activeElement?.dataset?.key;
  parent.replaceChildren(...children.flat().filter(Boolean));
  if (key) [...parent.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key)?.focus({ preventScroll: true });
}

/** How an object does: `good`, `busy`, `bad` or `gone`, for colour and sign alike. */
export function tone(object) {
  const ready = readyOf(object);
  if (object.deleting || object.phase === "Terminating") return "gone";
  if (object.phase === "Error" || object.conditions?.some((is) => is.type === "Stalled" && is.status === "True")) return "bad";
  if (ready?.status === "True") return "good";
  return "busy";
}

export const readyOf = (object) => object.conditions?.find((is) => is.type === "Ready");

const SIGNS = { good: "✓", busy: "…", bad: "✕", gone: "–" };

/** A phase with its sign, so that it does not depend on colour. */
export const badge = (text, tone) => h("span", { class: `badge ${tone}` }, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[tone] ?? "·"), text);

/** Address of an object's page. */
export const addressOf = ({ kind, namespace, name }) => `#/${[kind.toLowerCase(), namespace, name].map(encodeURIComponent).join("/")}`;

/** A path of a state, which may break after its slash. */
export const breakable = (path) => path.split("/").flatMap((part, index) => (index ? ["/", h("wbr"), part] : [part]));
