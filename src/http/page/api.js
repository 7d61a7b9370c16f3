// Asking the history API. Addresses are relative, so the page also works behind the API server's proxy.

import { token } from "./token.js";

/** The server's own words about why there is no answer. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

// Not Authorization: the API server's proxy would take that for itself.
const headers = (more) => (token() ? { "Openvox-Authorization": `Bearer ${token()}`, ...more } : { ...more });

async function request(path, more, signal) {
  let response;
  try {
    response = await fetch(path, { headers: headers(more), signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The operator cannot be reached. Is the port-forward or proxy still running?");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Problem(response.status, problem.detail ?? problem.message ?? response.statusText);
}

const query = (parameters) => new URLSearchParams(Object.entries(parameters ?? {}).filter(([, value]) => value)).toString();

export async function get(path, parameters, signal) {
  const response = await request(`api/v1/${path}?${query(parameters)}`, { accept: "application/json" }, signal);
  return response.json();
}

/** All pages of a list after another, up to `most` items: more than that no person reads. */
export async function getAll(path, parameters, most, signal) {
  const items = [];
  let cursor;
  do {
    const page = await get(path, { ...parameters, limit: 500, cursor }, signal);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor && items.length < most);
  return items;
}

export const objectPath = ({ kind, namespace, name }) => [kind, namespace, name].map(encodeURIComponent).join("/");

const LONGEST_PAUSE = 15_000;

/** Follows transitions until `signal`. Goes on after the last one that arrived when the connection breaks. */
export async function follow(path, { transition, state, problem }, signal) {
  let last;
  let pause = 500;
  while (!signal.aborted) {
    try {
      const more = { accept: "text/event-stream", ...(last && { "last-event-id": last }) };
      const response = await request(`api/v1/${path}`, more, signal);
      state("live");
      pause = 500;
      for await (const event of events(response.body)) {
        if (event.id) last = event.id;
        if (event.type === "transition") transition(JSON.parse(event.data));
        if (event.type === "problem") throw new Problem(JSON.parse(event.data).status, JSON.parse(event.data).detail);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 401 || error.status === 403) {
        state("off");
        problem(error);
        return;
      }
      // A place in the journal that the server does not know: begin anew.
      if (error.status === 400) last = undefined;
    }
    state("lost");
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

/** The events of a stream (WHATWG HTML, section 9.2.6). */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let event = { data: [] };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines) {
      if (line === "") {
        yield { ...event, data: event.data.join("\n") };
        event = { data: [] };
        continue;
      }
      const [, field, content] = /^([^:]*):? ?(.*)$/.exec(line);
      if (field === "data") event.data.push(content);
      if (field === "id") event.id = content;
      if (field === "event") event.type = content;
    }
  }
}
