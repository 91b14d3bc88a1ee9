/** Units of the free choice, in seconds. */
export const UNITS = { minutes: 60, hours: 3_600, days: 86_400 } as const;

/** A unit of the free choice. */
export type Unit = keyof typeof UNITS;

/** The shortest grant there is, in seconds. */
const SHORTEST = 60;

/** Usual lengths, in seconds. */
const USUAL = [15 * 60, 30 * 60, 3_600, 2 * 3_600, 4 * 3_600, 8 * 3_600, 86_400, 3 * 86_400];

/** Lengths to offer below the one asked for: the nearest few, shortest first. */
export function shorterThan(asked: number): number[] {
  return USUAL.filter((seconds) => seconds < asked).slice(-3);
}

/**
 * A typed length in seconds, or a sentence on what is wrong with it. A reviewer may shorten, never
 * lengthen.
 */
export function typedLength(amount: string, unit: Unit, asked: number): number | string {
  const number = Number(amount.trim().replace(",", "."));
  if (amount.trim() === "" || !Number.isFinite(number)) return "Type a number.";
  const seconds = Math.round((number * UNITS[unit]) / 60) * 60;
  if (seconds < SHORTEST) return "At least 1 minute.";
  if (seconds > asked) return "No longer than asked.";
  return seconds;
}
