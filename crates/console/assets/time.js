// Times in words, those of the domain (`crates/domain/src/format/time.rs`): tested against the same
// table as the window (`ui/src/wording.test.ts`). Time is the server's: `data-now` of the page,
// counted on by the browser's monotonic clock.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let served = { now: 0, at: 0 };

/** Takes the server's time from a page that arrived at `at` by the monotonic clock. */
export function synchronise(body, at) {
  if (body.dataset.now) served = { now: Date.parse(body.dataset.now), at };
}

function now() {
  return served.now + (performance.now() - served.at);
}

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function digits(number, count = 2) {
  return String(number).padStart(count, "0");
}

function clock(date) {
  return `${digits(date.getHours())}:${digits(date.getMinutes())}`;
}

/** The time of day that the page is true for. */
export function servedAt() {
  return clock(new Date(served.now));
}

/** Two units below a week, one above. */
function left(until) {
  const ms = Math.max(until - now(), 0);
  if (ms <= MINUTE) return `${Math.ceil(ms / SECOND)} s`;
  const minutes = Math.ceil(ms / MINUTE);
  if (minutes >= 7 * 1440) return `${Math.floor(minutes / 1440)} days`;
  const units = [
    [Math.floor(minutes / 1440), "d"],
    [Math.floor(minutes / 60) % 24, "h"],
    [minutes % 60, "min"],
  ];
  const first = units.findIndex(([count]) => count > 0);
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

function ago(at) {
  const ms = now() - at;
  if (ms < MINUTE) return "just now";
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ago`;
  return `${Math.floor(ms / DAY)} d ago`;
}

function moment(at) {
  const date = new Date(at);
  const today = new Date(now());
  const tomorrow = new Date(today.getFullYear(), today.getMonth(), today.getDate() + 1);
  const time = clock(date);
  if (date.toDateString() === today.toDateString()) return time;
  if (date.toDateString() === tomorrow.toDateString()) return `tomorrow ${time}`;
  if (Math.abs(date - today) < 6 * DAY) return `${WEEKDAYS[date.getDay()]} ${time}`;
  const day = `${date.getDate()} ${MONTHS[date.getMonth()]}`;
  const sameYear = date.getFullYear() === today.getFullYear();
  return sameYear ? `${day} ${time}` : `${day} ${date.getFullYear()} ${time}`;
}

function instant(at) {
  const date = new Date(at);
  const seconds = `${digits(date.getSeconds())}.${digits(date.getMilliseconds(), 3)}`;
  return `${clock(date)}:${seconds}`;
}

const WORDS = { left, ago, moment, instant };

/** Says all times anew. Texts that stay the same are not touched. */
export function tick() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = Date.parse(time.dateTime);
    const kind = Object.keys(WORDS).find((kind) => kind in time.dataset);
    const words = WORDS[kind ?? "moment"](at);
    if (time.textContent !== words) time.textContent = words;
  }
  for (const ring of document.querySelectorAll(".rest[data-until]")) {
    const from = Date.parse(ring.dataset.from);
    const until = Date.parse(ring.dataset.until);
    const rest = Math.min(Math.max((until - now()) / (until - from), 0), 1);
    ring.setAttribute("stroke-dasharray", `${Math.round(rest * 1000)} 1000`);
  }
  for (const undo of document.querySelectorAll(".undo")) {
    undo.classList.toggle("over", Date.parse(undo.dataset.until) <= now());
  }
  for (const toned of document.querySelectorAll("[data-tone]")) {
    toned.classList.toggle("soon", Date.parse(toned.dataset.tone) - now() < 10 * MINUTE);
  }
}

/** Names the zone that the times are in. */
export function nameZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  for (const line of document.querySelectorAll("[data-zone]")) {
    // At the head of a column the name alone.
    line.textContent = line.dataset.zone === "name" ? timeZone : `Times in ${timeZone}`;
  }
}
