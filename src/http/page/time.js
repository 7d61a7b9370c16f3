// Times and durations, as short as they can be told.

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

/** `3 min 20 s`: the two largest units that matter. */
export function duration(milliseconds) {
  let rest = Math.max(0, Math.round(milliseconds / 1000));
  const first = UNITS.findIndex(([, size]) => rest >= size);
  if (first < 0) return "0 s";
  return UNITS.slice(first, first + 2).flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count ? [`${count} ${unit}`] : [];
  }).join(" ");
}

// Twenty-four hours, as in every log that these times are compared with.
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export const clockOf = (at) => clock.format(new Date(at));
export const dayOf = (at) => day.format(new Date(at));
export const exactly = (at) => `${dayOf(at)}, ${clockOf(at)} (${at})`;

/** A `<time>` whose text `tick` keeps current: `for` tells how long ago, `in` how long until then. */
export function ago(at, form = "for") {
  const element = document.createElement("time");
  element.dateTime = at;
  element.title = exactly(at);
  element.dataset.form = form;
  refresh(element);
  return element;
}

function refresh(element) {
  const distance = Date.now() - Date.parse(element.dateTime);
  if (element.dataset.form === "in") element.textContent = distance >= 0 ? "now" : `in ${duration(-distance)}`;
  else element.textContent = duration(distance);
}

/** Keeps all of them current; once a second is as fine as they tell. */
export function tick() {
  setInterval(() => document.querySelectorAll("time[data-form]").forEach(refresh), 1000);
}
