/**
 * How times, lengths and outcomes are said, and names shown: the words of the domain
 * (`crates/domain/src/{format,length,outcome,text}.rs`), since the window counts on by itself.
 * Tested against a table made from there. All times are milliseconds since the Unix epoch.
 */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * What is left until `at`: `29 days`, `2 d 4 h`, `1 h 20 min`, `42 min`, and in the last minute
 * `45 s`. Rounded up, so that 45 minutes read as 45 until the first minute has passed.
 */
export function left(at: number, now: number): string {
  const ms = Math.max(at - now, 0);
  if (ms <= MINUTE) return `${Math.ceil(ms / SECOND)} s`;
  return short(Math.ceil(ms / MINUTE) * MINUTE);
}

/** How long ago `at` was: `just now`, `3 min ago`, `2 h ago`, `5 d ago`. Rounded down. */
export function ago(at: number, now: number): string {
  const ms = now - at;
  if (ms < MINUTE) return "just now";
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ago`;
  return `${Math.floor(ms / DAY)} d ago`;
}

/** When the words of `left(at, …)` next change; `Infinity` once `at` has passed. */
export function leftChangesAt(at: number, now: number): number {
  const ms = at - now;
  if (ms <= 0) return Infinity;
  if (ms <= MINUTE) return now + (ms % SECOND || SECOND);
  // The words stay the same down to the last minute of the smallest unit that they name.
  const whole = Math.ceil(ms / MINUTE) * MINUTE;
  const unit = whole >= 7 * DAY ? DAY : whole >= DAY ? HOUR : MINUTE;
  return at - (Math.floor(whole / unit) * unit - MINUTE);
}

/** When the words of `ago(at, …)` next change. */
export function agoChangesAt(at: number, now: number): number {
  const ms = now - at;
  const step = ms < HOUR ? MINUTE : ms < DAY ? HOUR : DAY;
  return now + (step - (((ms % step) + step) % step));
}

/** A length in full and exact words: `4 hours`, `1 day 4 hours`, `30 minutes`. */
export function length(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "day"],
    [Math.floor((seconds % 86_400) / 3_600), "hour"],
    [Math.floor((seconds % 3_600) / 60), "minute"],
    [seconds % 60, "second"],
  ];
  return parts
    .filter(([number]) => number > 0)
    .map(([number, unit]) => count(number, unit))
    .join(" ");
}

/** The time of day in this machine's zone, for example `14:05`. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
}

/**
 * A moment: `14:05` today, `tomorrow 14:05`, `Tue 14:05` within a week, `3 Mar 14:05` else, and
 * `3 Mar 2027 14:05` in another year.
 */
export function moment(at: number, now: number): string {
  const date = new Date(at);
  const today = new Date(now);
  const tomorrow = new Date(today.getFullYear(), today.getMonth(), today.getDate() + 1);
  const time = timeOfDay(at);
  if (date.toDateString() === today.toDateString()) return time;
  if (date.toDateString() === tomorrow.toDateString()) return `tomorrow ${time}`;
  if (Math.abs(at - now) < 6 * DAY) return `${WEEKDAYS[date.getDay()]} ${time}`;
  const day = `${date.getDate()} ${MONTHS[date.getMonth()]}`;
  return date.getFullYear() === today.getFullYear()
    ? `${day} ${time}`
    : `${day} ${date.getFullYear()} ${time}`;
}

/** The day as a heading: `Today`, `Yesterday`, or the date. */
export function dayHeading(at: number, now: number): string {
  if (sameDay(at, now)) return "Today";
  if (sameDay(at, now - DAY)) return "Yesterday";
  return LONG_DATE.format(at);
}

/** Date and time in full, for tooltips. */
export function fullTime(at: number): string {
  return FULL.format(at);
}

/** `1 resource`, `2 resources`. */
export function count(number: number, noun: string): string {
  return `${COUNT.format(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** A name as it is shown: in one line, and not absurdly long. */
export function plain(name: string): string {
  return oneLine(name, LONGEST_NAME);
}

/**
 * A text of others in one line: without characters that are not seen or that steer writing
 * direction, which garble tooltips and even end the isolation that `<bdi>` gives to a right-to-left
 * name. Any run of white space and controls becomes one space, and what is longer than `longest`
 * characters ends in `…`.
 */
export function oneLine(text: string, longest: number): string {
  const clean = text.replace(BLANK, " ").replace(UNSAFE, "").replace(/ +/g, " ").trim();
  const characters = Array.from(clean);
  if (characters.length <= longest) return clean;
  return `${characters
    .slice(0, longest - 1)
    .join("")
    .trimEnd()}…`;
}

/** A text of others as it was typed: its line feeds and tabs stay. */
export function severalLines(text: string): string {
  return text.replace(UNSAFE, (c) => (c === "\n" || c === "\t" ? c : ""));
}

/** What a reviewer reads who has just approved: a length in seconds, or none for an unlock. */
export function approved(seconds: number | null): string {
  return seconds === null ? "Unlocked" : `Approved for ${length(seconds)}`;
}

/** What became of a request or a grant otherwise. */
export const OUTCOMES = {
  denied: "Denied",
  revoked: "Revoked",
  expired: "Expired",
  unknown: "Already decided",
} as const;

/** Far more than fits anywhere; keeps absurd names from filling a tooltip or a card. */
const LONGEST_NAME = 300;

// Joiners and variation selectors stay: Persian and Hindi names, Japanese names and emoji need them.
const UNSAFE =
  /(?![\p{Join_Control}\p{Variation_Selector}])[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;
const BLANK = /[\p{Cc}\p{White_Space}]+/gu;

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

// The window speaks English.
const LOCALE = "en-GB";
const LONG_DATE = new Intl.DateTimeFormat(LOCALE, {
  weekday: "long",
  day: "numeric",
  month: "long",
});
const FULL = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "long" });
const COUNT = new Intl.NumberFormat(LOCALE);

function short(ms: number): string {
  const days = Math.floor(ms / DAY);
  const hours = Math.floor((ms % DAY) / HOUR);
  const minutes = Math.floor((ms % HOUR) / MINUTE);
  if (days >= 7) return `${days} days`;
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  return `${minutes} min`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}

function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}
