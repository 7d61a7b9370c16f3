// The token: asked for when the server wants one, kept in this tab, sent to this server.

import { byId } from "./dom.js";

const KEY = "openvox-token";

// `kubectl openvox page` puts one into the address, behind the #, which no server sees. It does not stay there.
const given = /^#token=([\w.-]+)$/.exec(location.hash);
if (given) {
  sessionStorage.setItem(KEY, given[1]);
  history.replaceState(null, "", location.pathname);
}

export const token = () => sessionStorage.getItem(KEY) ?? "";

/** Asks for a token; `used` hears when there is a new one, or none any more. */
export function ask(why) {
  byId("ask-why").textContent = why;
  byId("ask-forget").hidden = !token();
  if (!byId("ask").open) byId("ask").showModal();
  byId("ask-token").focus();
}

export function listen(used) {
  const [dialog, field] = [byId("ask"), byId("ask-token")];
  byId("token").addEventListener("click", () => ask("Use another token, or forget the one of this tab."));
  byId("ask-forget").addEventListener("click", () => finish(() => sessionStorage.removeItem(KEY)));
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const value = field.value.trim();
    if (value) finish(() => sessionStorage.setItem(KEY, value));
  });
  function finish(change) {
    change();
    field.value = "";
    dialog.close();
    used();
  }
}
