/** Units of a typed length, in seconds; these names are offered beside the field. */
export const UNITS = { minutes: 60, hours: 3_600, days: 86_400 } as const;

/** A unit that is offered beside the field. */
export type Unit = keyof typeof UNITS;

/** The shortest grant there is, in seconds. */
const SHORTEST = 60;

/** Usual lengths, in seconds. */
const USUAL = [
  ...[15, 30].map((minutes) => minutes * UNITS.minutes),
  ...[1, 2, 4, 8].map((hours) => hours * UNITS.hours),
  ...[1, 3, 7, 14, 30, 90].map((days) => days * UNITS.days),
];

/** Seconds of a unit by each of its names. */
const NAMES = new Map(
  [
    [1, "s sec secs second seconds"],
    [60, "m min mins minute minutes"],
    [3_600, "h hr hrs hour hours"],
    [86_400, "d day days"],
  ].flatMap(([seconds, names]) =>
    String(names)
      .split(" ")
      .map((name) => [name, Number(seconds)] as const),
  ),
);

const PART = String.raw`(\d+(?:[.,]\d+)?)\s*([a-z]+)`;
const WHOLE = new RegExp(`^${PART}(?:(?:,?\\s+(?:and\\s+)?)?${PART})*$`);
const BARE = /^\d+(?:[.,]\d+)?$/;

/**
 * Lengths to offer below the one asked for: the nearest few, shortest first. Of a request for more time those
 * by which access ends a minute later than it does, at `extended`.
 */
export function shorterThan(asked: number, extended: number | undefined, now: number): number[] {
  const least = extended === undefined ? SHORTEST : (extended - now) / 1_000 + SHORTEST;
  return USUAL.filter((seconds) => seconds >= least && seconds < asked).slice(-3);
}

/**
 * A length as people write it, in whole seconds: `45 minutes`, `1 h 30 min`, `1h30m`, `1.5 hours`,
 * and a bare number of the given unit. `null` for anything else, also for a unit named twice.
 */
export function parseLength(text: string, unit: Unit): number | null {
  const typed = text.trim().toLowerCase();
  const whole = BARE.test(typed) ? `${typed} ${unit}` : typed;
  if (!WHOLE.test(whole)) return null;
  const seen = new Set<number>();
  let sum = 0;
  for (const [, number = "", name = ""] of whole.matchAll(new RegExp(PART, "g"))) {
    const seconds = NAMES.get(name);
    if (seconds === undefined || seen.has(seconds)) return null;
    seen.add(seconds);
    sum += Number(number.replace(",", ".")) * seconds;
  }
  return Math.round(sum);
}

/**
 * A typed length in seconds, or a sentence on what is wrong with it. A reviewer may shorten, never
 * lengthen.
 */
export function typedLength(amount: string, unit: Unit, asked: number): number | string {
  const seconds = parseLength(amount, unit);
  if (seconds === null) return "Type a length like 45 min or 1 h 30 min.";
  if (seconds < SHORTEST) return "At least 1 minute.";
  if (seconds > asked) return "No longer than requested.";
  return seconds;
}
