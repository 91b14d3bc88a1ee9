/** How times and lengths are said. All times are milliseconds since the Unix epoch. */

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
  const step = ms <= MINUTE ? SECOND : MINUTE;
  return now + (ms % step || step);
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
  return TIME_OF_DAY.format(at);
}

/** A moment: `14:05` today, `tomorrow 14:05`, `Tue 14:05` within a week, `3 Mar 14:05` later. */
export function moment(at: number, now: number): string {
  if (sameDay(at, now)) return timeOfDay(at);
  if (sameDay(at, now + DAY)) return `tomorrow ${timeOfDay(at)}`;
  const day = Math.abs(at - now) < 6 * DAY ? WEEKDAY.format(at) : DATE.format(at);
  return `${day} ${timeOfDay(at)}`;
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

/**
 * A name as it is shown: in one line, without invisible characters and without those that steer
 * writing direction. Left in, they garble tooltips, and even end the isolation that `<bdi>` gives
 * to a right-to-left name. Joiners stay: Persian, Hindi and emoji need them.
 */
export function plain(name: string): string {
  const clean = name.replace(STEERING, "").replace(BLANK, " ").trim();
  return clean.length > LONGEST_NAME ? `${clean.slice(0, LONGEST_NAME)}…` : clean;
}

/** Far more than fits anywhere; keeps absurd names from filling a tooltip or a card. */
const LONGEST_NAME = 300;

const STEERING =
  /\p{Bidi_Control}|\p{Zl}|\p{Zp}|[\u00ad\u180e\u200b\u2060-\u206f\ufeff\ufff9-\ufffb]|\u034f|[\u{e0000}-\u{e007f}]/gu;
const BLANK = /[\p{Cc}\s]+/gu;

// The window speaks English, and tells the time as the tray and the notifications do: 14:05.
const LOCALE = "en-GB";
const TIME_OF_DAY = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });
const WEEKDAY = new Intl.DateTimeFormat(LOCALE, { weekday: "short" });
const DATE = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });
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

function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}
