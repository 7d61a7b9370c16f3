// One object: where it stands and why, its machine, how it came there, and what it is connected to.

import { follow, get, getAll, objectPath } from "./api.js";
import { addressOf, badge, byId, h, readyOf, show, tone } from "./dom.js";
import { Graph } from "./graph.js";
import { ago, clockOf, dayOf, duration, exactly } from "./time.js";

/** Transitions that are shown; the API has all of them. */
const MOST = 500;
/** What changes without a transition, such as a message, is looked up this often. */
const LOOK_AGAIN = 10_000;
const SETTLE = 150;

export class ObjectView {
  #id;
  #object;
  #history = [];
  #graph;
  #then;
  #parts = {};

  constructor(kind, namespace, name) {
    this.#id = { kind, namespace, name };
  }

  title() {
    return this.#id.name;
  }

  crumbs() {
    const { namespace, name } = this.#id;
    const part = (...children) => h("span", { class: "crumb" }, ...children);
    return [part(h("a", { href: "#/" }, "All objects")), part(h("a", { href: `#/?namespace=${encodeURIComponent(namespace)}` }, namespace)), part(name)];
  }

  async run(main, signal, { state, problem }) {
    await this.#load(signal);
    for (const name of ["head", "machine", "timeline", "related", "conditions"]) this.#parts[name] = h("section", { class: name });
    this.#parts.head.className = "head";
    show(main, this.#parts.head, this.#parts.machine, h("div", { class: "columns" }, this.#parts.timeline, h("div", {}, this.#parts.related, this.#parts.conditions)));
    await this.#drawMachine(signal);
    this.#draw();
    let timer;
    const again = async () => {
      try {
        await this.#load(signal);
        this.#draw();
      } catch (error) {
        if (error.status === 401 || error.status === 403) problem(error);
      }
    };
    const soon = () => [clearTimeout(timer), (timer = setTimeout(again, SETTLE))];
    const poll = setInterval(() => document.hidden || again(), LOOK_AGAIN);
    signal.addEventListener("abort", () => [clearInterval(poll), clearTimeout(timer)]);
    follow(`history/${objectPath(this.#id)}`, { transition: soon, state, problem }, signal);
  }

  async #load(signal) {
    const path = objectPath(this.#id);
    const missing = (error) => {
      if (error.status !== 404) throw error;
    };
    const [object, page] = await Promise.all([get(`objects/${path}`, {}, signal).catch(missing), get(`history/${path}`, { limit: MOST }, signal)]);
    this.#object = object;
    this.#history = page.items;
    if (object) Object.assign(this.#id, { kind: object.kind });
    else if (page.items.length) Object.assign(this.#id, { kind: page.items[0].kind });
  }

  async #drawMachine(signal) {
    try {
      const graph = await get(`objects/${objectPath(this.#id)}/graph`, {}, signal);
      this.#graph = new Graph(graph);
      show(this.#parts.machine, h("h2", {}, "Machine"), this.#graph.element);
    } catch (error) {
      if (error.status !== 404) throw error;
    }
  }

  /** The history of the object that exists now, or existed last: one of the same name before it was another. */
  #own() {
    const uid = this.#object?.uid ?? this.#history[0]?.uid;
    return this.#history.filter((entry) => entry.uid === uid);
  }

  #draw() {
    this.#drawHead();
    this.#drawTimeline();
    this.#drawRelated();
    this.#drawConditions();
    this.#mark();
  }

  #mark() {
    const own = this.#own();
    const then = own.findIndex((entry) => entry.seq === this.#then);
    const now = this.#object?.state ?? own[0]?.to;
    this.#graph?.mark(then < 0 ? now : own[then].to, then < 0 ? own : own.slice(then));
  }

  #drawHead() {
    const { kind, name, namespace } = this.#id;
    const object = this.#object;
    const title = h("div", { class: "title" }, h("p", { class: "kicker" }, kind), h("h1", {}, name));
    if (!object) {
      show(this.#parts.head, title, h("p", { class: "banner gone" }, this.#history.length
        ? `It does not exist in namespace ${namespace} any more. This is what the journal has of it.`
        : `Nothing of this name exists in namespace ${namespace}, and the journal has nothing of it.`));
      return;
    }
    const is = tone(object);
    const ready = readyOf(object);
    const fact = (name, value) => value && h("div", {}, h("dt", {}, name), h("dd", {}, value));
    show(this.#parts.head, title,
      h("dl", { class: "facts" },
        fact("State", badge(object.state ?? "not looked at yet", is)),
        fact("For", object.since && ago(object.since)),
        fact(ready?.status === "True" ? "Next step" : "Next attempt", object.nextAttempt && ago(object.nextAttempt, "in")),
        fact("Failed attempts", object.attempt > 0 && String(object.attempt)),
        fact("Overdue", object.deadline && ago(object.deadline, "in")),
        fact("Age", object.created && ago(object.created))),
      ready && h("p", { class: `banner ${ready.status === "True" ? "good" : is}`, id: "why" }, h("strong", {}, ready.status === "True" ? "Ready" : ready.reason), " ", ready.message),
      object.observedGeneration < object.generation && h("p", { class: "banner busy" }, "The spec has changed since; what stands here describes the one before."));
  }

  #drawTimeline() {
    const uid = this.#object?.uid ?? this.#history[0]?.uid;
    let day;
    const entries = this.#history.map((entry, index) => {
      const newer = this.#history[index - 1];
      const until = newer && newer.uid === entry.uid ? Date.parse(newer.at) : entry.uid === uid && this.#object ? Date.now() : Date.parse(entry.at);
      const lasted = index === 0 && this.#object ? ago(entry.at) : duration(until - Date.parse(entry.at));
      const chosen = entry.uid === uid && entry.seq === this.#then;
      const today = dayOf(entry.at);
      const heading = today !== day && h("li", { class: "day" }, (day = today));
      return [heading, h("li", { class: `entry ${entry.phase === "Error" ? "bad" : ""}` },
        h("button", {
          type: "button", "aria-pressed": String(chosen), "data-key": `seq ${entry.uid} ${entry.seq}`, disabled: entry.uid !== uid,
          title: "Show the machine as it was then", onclick: () => this.#choose(entry.seq),
        },
        h("time", { datetime: entry.at, title: exactly(entry.at) }, clockOf(entry.at)),
        h("span", { class: "event" }, entry.event),
        h("span", { class: "ways" }, entry.from && entry.from !== entry.to ? [`${entry.from} → `, h("b", {}, entry.to)] : h("b", {}, entry.to)),
        h("span", { class: "lasted" }, lasted)),
        h("dl", {},
          entry.cause && h("div", {}, h("dt", {}, "Cause"), h("dd", {}, entry.cause)),
          entry.traceId && h("div", {}, h("dt", {}, "Trace"), h("dd", {}, h("code", {}, entry.traceId))),
          entry.data && h("div", {}, h("dt", {}, "Data"), h("dd", {}, h("code", {}, JSON.stringify(entry.data))))))];
    });
    show(this.#parts.timeline, h("h2", {}, "Timeline ", h("span", { class: "count" }, String(this.#history.length))),
      this.#then && h("p", { class: "banner busy" }, "The machine above is shown as it was then. ", h("button", { type: "button", class: "quiet", "data-key": "now", onclick: () => this.#choose() }, "Back to now")),
      this.#history.length ? h("ol", { class: "entries" }, entries.flat()) : h("p", { class: "hint" }, "No transition yet."),
      this.#history.length >= MOST && h("p", { class: "hint" }, `Older than these ${MOST}: GET /api/v1/history/${objectPath(this.#id)}?format=jsonl`));
  }

  #choose(seq) {
    this.#then = this.#then === seq ? undefined : seq;
    this.#drawTimeline();
    this.#mark();
    if (this.#then) byId("main").querySelector(".machine")?.scrollIntoView({ block: "nearest" });
  }

  #drawRelated() {
    const related = this.#object?.related ?? [];
    const words = { uses: "uses", usedBy: "is used by" };
    show(this.#parts.related, related.length > 0 && h("h2", {}, "Related"), related.length > 0 && h("ul", {}, related.map((other) => {
      const link = h("a", { href: addressOf({ ...other, namespace: this.#id.namespace }), "data-key": `${other.kind} ${other.name}` }, other.name);
      return h("li", {}, h("span", { class: "hint" }, `${words[other.relation] ?? other.relation} ${other.kind} `), link,
        other.phase && h("span", { class: "hint" }, ` ${other.phase}`), other.exists === false && h("span", { class: "missing" }, " does not exist"));
    })));
  }

  #drawConditions() {
    const conditions = this.#object?.conditions ?? [];
    const ready = this.#object && readyOf(this.#object);
    show(this.#parts.conditions, conditions.length > 0 && h("h2", {}, "Conditions"), conditions.length > 0 && h("ul", {}, conditions.map((is) =>
      h("li", {}, h("div", {}, h("strong", {}, is.type), ` ${is.status} `, h("span", { class: "hint" }, is.reason, " for ", ago(is.lastTransitionTime))), is.message && (is === ready || is.message !== ready?.message) && h("div", { class: "message" }, is.message)))));
  }
}
