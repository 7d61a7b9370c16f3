// The machine of one object as a picture: where it stands, where it was, where it can go.

import { breakable, h, s, show } from "./dom.js";
import { layout } from "./layout.js";
import { duration } from "./time.js";

const RESTS = { settled: "rests here", waiting: "on its way", stuck: "waits for you", final: "the end" };

export class Graph {
  #graph;
  #element = h("div", { class: "graph" });
  #about = h("div", { class: "about", "aria-live": "polite" });
  #edges = [];
  #nodes = new Map();
  #current;

  constructor(graph) {
    this.#graph = graph;
    const { boxes, nodes, edges, size } = layout(graph);
    const svg = s("svg", { viewBox: `0 0 ${size.width} ${size.height}`, role: "group", "aria-label": `States of a ${graph.kind}` },
      s("defs", {}, ["plain", "been", "next"].map((name) =>
        s("marker", { id: `arrow-${name}`, class: name, viewBox: "0 0 10 10", refX: 9, refY: 5, markerUnits: "userSpaceOnUse", markerWidth: 9, markerHeight: 9, orient: "auto-start-reverse" },
          s("path", { d: "M0 1 L9 5 L0 9 z" })))),
      boxes.map(({ phase, x, y, width, height }) => s("g", { class: "phase" },
        s("rect", { x, y, width, height, rx: 10 }),
        s("text", { x: x + 14, y: y + 17 }, phase))));
    this.#edges = edges.map((edge) => ({ ...edge, element: s("path", { class: "edge", d: edge.d }, s("title", {}, `${edge.from} → ${edge.to}: ${edge.events.join(", ")}`)) }));
    svg.append(...this.#edges.map((edge) => edge.element));
    for (const node of nodes) {
      const { state, x, y, width, height } = node;
      const element = s("g", {
        class: `node ${state.rest}`, tabindex: "0", role: "button", "data-key": `state ${state.path}`,
        onfocus: () => this.#look(state.path), onblur: () => this.#look(), onmouseenter: () => this.#look(state.path), onmouseleave: () => this.#look(),
      },
      s("rect", { x, y, width, height, rx: 8 }),
      s("text", { x: x + width / 2, y: y + height / 2 + 4.5, "text-anchor": "middle" }, state.path.split("/").pop()));
      this.#nodes.set(state.path, { state, element });
      svg.append(element);
    }
    show(this.#element, h("div", { class: "picture", tabindex: "0", role: "region", "aria-label": "Picture of the state machine" }, svg), this.#about);
    // A small machine is no large picture.
    svg.style.maxWidth = `${size.width * 1.15}px`;
  }

  get element() {
    return this.#element;
  }

  /** Marks where the object stands, and the ways it went: transitions of its history. */
  mark(current, history) {
    this.#current = current;
    const been = new Map();
    for (const { from, to } of history) been.set(`${from} ${to}`, (been.get(`${from} ${to}`) ?? 0) + 1);
    const states = new Set(history.flatMap(({ from, to }) => [from, to]));
    for (const edge of this.#edges) {
      const times = been.get(`${edge.from} ${edge.to}`);
      edge.kind = times ? "been" : edge.from === current ? "next" : "plain";
      edge.element.setAttribute("class", `edge ${edge.kind}`);
      edge.element.setAttribute("marker-end", `url(#arrow-${edge.kind})`);
    }
    // What was gone lies above what was not.
    for (const kind of ["next", "been"]) this.#edges.filter((edge) => edge.kind === kind).forEach(({ element }) => element.parentNode.insertBefore(element, this.#nodes.values().next().value.element));
    for (const [path, { state, element }] of this.#nodes) {
      const now = path === current;
      element.setAttribute("class", ["node", state.rest, now && "current", states.has(path) && "been"].filter(Boolean).join(" "));
      element.setAttribute("aria-label", `${path}${now ? ", the state it is in" : states.has(path) ? ", where it was" : ""}: ${state.meaning}`);
      if (now) element.setAttribute("aria-current", "true");
      else element.removeAttribute("aria-current");
    }
    this.#center();
    this.#look();
  }

  /** On a small screen the picture is wider than its place: what matters is in the middle. */
  #center() {
    const [picture, node] = [this.#element.querySelector(".picture"), this.#nodes.get(this.#current)?.element];
    if (!node || picture.contains(document.activeElement)) return;
    const [place, box] = [picture.getBoundingClientRect(), node.getBoundingClientRect()];
    picture.scrollLeft += box.left + box.width / 2 - place.left - place.width / 2;
  }

  /** Shows what is known of a state, and its edges alone; without one, of the state the object is in. */
  #look(path) {
    const about = path ?? this.#current;
    this.#element.classList.toggle("looking", Boolean(path));
    for (const { from, to, element } of this.#edges) element.classList.toggle("of", path === from || path === to);
    for (const [name, { element }] of this.#nodes) element.classList.toggle("of", name === path);
    const found = this.#nodes.get(about);
    if (!found) return show(this.#about, h("p", { class: "hint" }, "Its state is not one of this version."));
    const { state } = found;
    const out = this.#edges.filter((edge) => edge.from === about);
    show(this.#about,
      h("h3", {}, breakable(state.path), h("span", { class: "hint" }, ` ${RESTS[state.rest]}${state.deadlineSeconds ? `, for ${duration(state.deadlineSeconds * 1000)} at most` : ""}`)),
      h("p", {}, state.meaning),
      state.remedy && h("p", { class: "remedy" }, h("strong", {}, "What you can do: "), state.remedy),
      out.length > 0 && h("p", { class: "hint" }, "From here"),
      out.length > 0 && h("ul", { class: "ways" }, out.map((edge) => h("li", {}, h("code", {}, edge.events.join(", ")), " → ", breakable(edge.to)))));
  }
}
