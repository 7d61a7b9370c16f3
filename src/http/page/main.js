// The page: which view is shown, and who keeps it current.

import { Problem } from "./api.js";
import { Board } from "./board.js";
import { byId, h, show } from "./dom.js";
import { ObjectView } from "./object.js";
import { tick } from "./time.js";
import { ask, listen, token } from "./token.js";

let view;
let stop = new AbortController();

/** `#/` is the board, `#/kind/namespace/name` one object. */
function open() {
  stop.abort();
  stop = new AbortController();
  const { signal } = stop;
  const [path] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  view = parts.length === 3 ? new ObjectView(...parts) : new Board();
  document.title = `${view.title()} · OpenVox`;
  show(byId("crumbs"), parts.length === 3 ? view.crumbs() : []);
  show(byId("main"), h("p", { class: "hint" }, "Loading …"));
  byId("main").focus({ preventScroll: true });
  scrollTo(0, 0);
  state("lost");
  view.run(byId("main"), signal, { state, problem }).catch(problem);

  function state(is) {
    if (signal.aborted) return;
    const text = { live: "live", lost: "connecting …", off: "not connected" }[is];
    byId("live").className = `live is-${is}`;
    if (byId("live").textContent !== text) byId("live").textContent = text;
  }

  function problem(error) {
    if (signal.aborted || error.name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) ask(token() ? error.message : "You see here what you may see in the cluster.");
    state("off");
    const titles = { 401: "A token is needed", 403: "Not allowed", 404: "Not found" };
    show(
      byId("main"),
      h("section", { class: "empty" }, h("h1", {}, titles[error.status] ?? "No answer"), error.status !== 401 && h("p", {}, error.message), h("p", {},
        h("button", { type: "button", class: "primary", onclick: open }, "Try again"), " ", h("a", { href: "#/" }, "To all objects"))),
    );
  }
}

/** What somebody typed may be no valid encoding; then it is taken as it is. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, dialog");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = byId("search");
  if (!search) return;
  event.preventDefault();
  search.focus();
});
addEventListener("hashchange", (event) => {
  // The skip link and the board's own filters are no other view.
  const path = (url) => new URL(url).hash.split("?")[0];
  if (path(event.newURL) === "#main") return;
  if (path(event.newURL) !== path(event.oldURL)) open();
});
listen(open);
tick();
open();
