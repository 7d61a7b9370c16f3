// The board: all objects by kind and phase, live.

import { follow, getAll } from "./api.js";
import { addressOf, badge, h, readyOf, show, tone } from "./dom.js";
import { ago } from "./time.js";

const KINDS = ["CertificateAuthority", "Certificate", "Config", "Server", "Pool", "SigningPolicy", "Database", "NodeClassifier", "ReportProcessor"];
const NAMES = { CertificateAuthority: "Certificate authorities", SigningPolicy: "Signing policies" };
const TONES = { bad: "need you", busy: "on their way", good: "ready", gone: "going" };
/** Cards of a phase before "all": a phase with more is a number, not a list to read. */
const FIRST = 24;
/** Objects of the board. More are reached by the filter on the server, or the API. */
const MOST = 5000;
/** What changes without a transition, such as a message, is looked up this often. */
const LOOK_AGAIN = 15_000;
/** Transitions come in bursts; the board is drawn once for all of them. */
const SETTLE = 250;

export class Board {
  #objects = [];
  #filter = new URLSearchParams(location.hash.split("?")[1] ?? "");
  #open = new Set();

  title() {
    return "All objects";
  }

  async run(main, signal, { state, problem }) {
    this.#summary = h("div", { class: "summary" });
    this.#lanes = h("div", { class: "kinds" });
    await this.#load(signal);
    show(main, h("h1", {}, "All objects"), this.#toolbar(), this.#summary, this.#lanes);
    this.#draw();
    let timer;
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(again, SETTLE);
    };
    const again = async () => {
      try {
        await this.#load(signal);
        this.#draw();
      } catch (error) {
        if (error.status === 401 || error.status === 403) problem(error);
      }
    };
    const poll = setInterval(() => document.hidden || again(), LOOK_AGAIN);
    signal.addEventListener("abort", () => [clearInterval(poll), clearTimeout(timer)]);
    follow("history", { transition: soon, state, problem }, signal);
  }

  #summary;
  #lanes;
  #namespaces;

  async #load(signal) {
    this.#objects = await getAll("objects", {}, MOST, signal);
  }

  #toolbar() {
    this.#namespaces = h("select", { id: "namespace", "aria-label": "Namespace", onchange: (event) => this.#set("namespace", event.target.value) });
    return h("div", { class: "toolbar", role: "search" },
      h("input", {
        id: "search", type: "search", placeholder: "Filter by name, state or message ( / )", "aria-label": "Filter",
        value: this.#filter.get("q") ?? "", oninput: (event) => this.#set("q", event.target.value),
      }),
      this.#namespaces);
  }

  #set(name, value) {
    if (value) this.#filter.set(name, value);
    else this.#filter.delete(name);
    history.replaceState(null, "", `#/${this.#filter.size ? `?${this.#filter}` : ""}`);
    this.#draw();
  }

  #matches(object, except) {
    const [namespace, only, words] = [this.#filter.get("namespace"), this.#filter.get("tone"), (this.#filter.get("q") ?? "").toLowerCase().split(/\s+/)];
    const text = [object.kind, object.name, object.state, readyOf(object)?.reason, readyOf(object)?.message].join(" ").toLowerCase();
    return (!namespace || object.namespace === namespace) && (!only || except === "tone" || tone(object) === only) && words.every((word) => text.includes(word));
  }

  #draw() {
    const chosen = this.#filter.get("namespace") ?? "";
    const all = [...new Set([...this.#objects.map((object) => object.namespace), chosen])].filter(Boolean).sort();
    show(this.#namespaces, h("option", { value: "" }, "All namespaces"), all.map((name) => h("option", { value: name, selected: name === chosen }, name)));

    const counted = this.#objects.filter((object) => this.#matches(object, "tone"));
    show(this.#summary, Object.entries(TONES).map(([name, words]) => {
      const count = counted.filter((object) => tone(object) === name).length;
      const pressed = this.#filter.get("tone") === name;
      return h("button", {
        type: "button", class: `tile ${name}`, "aria-pressed": String(pressed), "data-key": `tone ${name}`, "data-tone": name,
        onclick: () => this.#set("tone", pressed ? "" : name),
      }, h("strong", {}, String(count)), h("span", {}, words));
    }));

    const shown = this.#objects.filter((object) => this.#matches(object));
    const order = (kind) => (KINDS.indexOf(kind) + KINDS.length) % KINDS.length;
    const kinds = [...new Set(shown.map((object) => object.kind))].sort((a, b) => order(a) - order(b));
    const none = this.#objects.length
      ? "Nothing matches the filter."
      : "There is nothing that you may see. You see objects of openvox.voxpupuli.org that you may get; ask for a role if that is too little.";
    show(this.#lanes, kinds.length ? kinds.map((kind) => this.#kind(kind, shown.filter((object) => object.kind === kind))) : h("p", { class: "empty" }, none));
  }

  #kind(kind, objects) {
    const phases = new Map();
    for (const object of objects) {
      const phase = object.phase ?? "not looked at yet";
      phases.set(phase, [...(phases.get(phase) ?? []), object]);
    }
    const worst = (list) => Math.min(...list.map((object) => ["bad", "busy", "gone", "good"].indexOf(tone(object))));
    const lanes = [...phases].sort(([, a], [, b]) => worst(a) - worst(b));
    const name = NAMES[kind] ?? `${kind.replace(/([a-z])([A-Z])/g, "$1 $2")}s`;
    return h("section", { class: "kind" },
      h("h2", {}, name, " ", h("span", { class: "count" }, String(objects.length))),
      h("div", { class: "lanes" }, lanes.map(([phase, list]) => this.#lane(kind, phase, list))));
  }

  #lane(kind, phase, objects) {
    const key = `${kind} ${phase}`;
    const limit = this.#open.has(key) ? objects.length : FIRST;
    const more = objects.length - limit;
    return h("section", { class: "lane", "aria-label": `${kind}: ${phase}` },
      h("h3", {}, phase, " ", h("span", { class: "count" }, String(objects.length))),
      h("ul", {}, objects.slice(0, limit).map((object) => h("li", {}, this.#card(object)))),
      more > 0 && h("button", {
        type: "button", class: "quiet", "data-key": key,
        onclick: () => [this.#open.add(key), this.#draw()],
      }, `${more} more`));
  }

  #card(object) {
    const ready = readyOf(object);
    const is = tone(object);
    const leaf = object.state?.split("/").pop() ?? "not looked at yet";
    return h("a", { class: `card ${is}`, href: addressOf(object), "data-key": `${object.kind} ${object.uid}` },
      h("span", { class: "name" }, object.name),
      h("span", { class: "since" }, object.since && ago(object.since)),
      badge(leaf, is),
      h("span", { class: "where" }, object.namespace),
      ready && ready.status !== "True" && h("span", { class: "why" }, ready.message || ready.reason));
  }
}
