import { describe, expect, test } from "vitest";
import cases from "../length-cases.json";
import { left, length } from "../wording";
import { parseLength, shorterThan as offered, typedLength } from "./lengths";

const NOW = 1_800_000_000_000;
const HOUR = 3_600;
const DAY = 24 * HOUR;

function shorterThan(asked: number, extended?: number): number[] {
  return offered(asked, extended, NOW);
}

test("of more time the lengths that add something are offered", () => {
  const runs = (seconds: number) => NOW + seconds * 1_000;
  expect(shorterThan(4 * HOUR, runs(1_740))).toEqual([1_800, 3_600, 7_200]);
  expect(shorterThan(4 * HOUR, runs(1_741))).toEqual([3_600, 7_200]);
  expect(shorterThan(4 * HOUR, runs(7_200))).toEqual([]);
});

test("the nearest shorter lengths are offered", () => {
  expect(shorterThan(4 * HOUR)).toEqual([1_800, 3_600, 7_200]);
  expect(shorterThan(7 * DAY)).toEqual([8 * HOUR, DAY, 3 * DAY]);
  expect(shorterThan(30 * DAY)).toEqual([3 * DAY, 7 * DAY, 14 * DAY]);
  expect(shorterThan(365 * DAY)).toEqual([14 * DAY, 30 * DAY, 90 * DAY]);
  expect(shorterThan(900)).toEqual([]);
});

describe("a length is read as people write it", () => {
  test.each([
    ["90 s", 90],
    ["90 sec", 90],
    ["1 second", 1],
    ["90 seconds", 90],
    ["90m", 5_400],
    ["90 min", 5_400],
    ["1 minute", 60],
    ["90 minutes", 5_400],
    ["2h", 7_200],
    ["1 hour", 3_600],
    ["2 Hours", 7_200],
    ["1 d", DAY],
    ["1 day", DAY],
    ["2 DAYS", 2 * DAY],
    ["1.5h", 5_400],
    ["1,5 h", 5_400],
    ["0.5 day", 12 * HOUR],
    ["1h30m", 5_400],
    ["1 h 30 min", 5_400],
    ["1 hour 30 minutes", 5_400],
    ["1 hour and 30 minutes", 5_400],
    ["1 day, 2 hours, 30 minutes", DAY + 2 * HOUR + 1_800],
    ["1 day, 2 hours and 30 minutes", DAY + 2 * HOUR + 1_800],
    ["30 min 1 h", 5_400],
    ["  2   hours  ", 7_200],
    ["90", 90 * 60],
    [" 1,5 ", 90],
  ])("%j", (text, seconds) => {
    expect(parseLength(text, "minutes")).toBe(seconds);
  });

  test("a bare number by the unit beside it", () => {
    expect(parseLength("1.5", "hours")).toBe(5_400);
    expect(parseLength("2", "days")).toBe(2 * DAY);
  });

  test.each([60, 90, 1_800, 5_400, HOUR, 7_260, DAY, DAY + 4 * HOUR, 7 * DAY, 30 * DAY, 365 * DAY])(
    "and as it is shown: %i seconds",
    (seconds) => {
      expect(parseLength(length(seconds), "days")).toBe(seconds);
      expect(parseLength(left(seconds * 1_000, 0), "days")).toBe(Math.ceil(seconds / 60) * 60);
    },
  );
});

test.each([
  "",
  " ",
  "soon",
  "1:30",
  "1e999",
  "Infinity",
  "-3",
  "+3",
  "h",
  "1 fortnight",
  "1 h 30",
  "30 1 h",
  "1h 2h",
  "1 h 60 min 1 hour",
  "1h,30m",
  "1 h and",
  "and 1 h",
  "1..5 h",
  "1.h",
  ".5 h",
  "1 hourand 5 min",
])("%j is no length", (text) => {
  expect(parseLength(text, "hours")).toBeNull();
  expect(typedLength(text, "hours", 7_200)).toContain("Type a length");
});

test("nothing shorter than a minute, nothing longer than requested", () => {
  expect(typedLength("2", "hours", 7_200)).toBe(7_200);
  expect(typedLength("0", "hours", 7_200)).toBe("At least 1 minute.");
  expect(typedLength("59 s", "hours", 7_200)).toBe("At least 1 minute.");
  expect(typedLength("2.1", "hours", 7_200)).toBe("No longer than requested.");
  expect(typedLength("1", "days", 7_200)).toBe("No longer than requested.");
  expect(typedLength("9".repeat(400), "days", 7_200)).toBe("No longer than requested.");
});

test("a length is read as pages and commands read it", () => {
  for (const [text, meant] of Object.entries(cases)) {
    const read = parseLength(text, "hours");
    if (typeof meant === "number") expect(read, text).toBe(meant);
    else if (meant === "unreadable") expect(read, text).toBeNull();
    else if (meant === "out of range") {
      expect(read !== null && read >= 60 && read <= 31_536_000, text).toBe(false);
    }
  }
});
