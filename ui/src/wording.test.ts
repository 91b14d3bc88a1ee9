import { describe, expect, test, vi } from "vitest";
import cases from "./time-cases.json";
import {
  ago,
  agoChangesAt,
  count,
  dayHeading,
  left,
  leftChangesAt,
  length,
  moment,
  plain,
} from "./wording";

const S = 1_000;
const MIN = 60 * S;
const H = 60 * MIN;
const D = 24 * H;
const NOW = new Date(2030, 4, 15, 12, 0, 0).getTime();

describe("left", () => {
  test.each([
    [45 * MIN, "45 min"],
    [45 * MIN - 1, "45 min"],
    [44 * MIN, "44 min"],
    [MIN + 1, "2 min"],
    [MIN, "60 s"],
    [59 * S, "59 s"],
    [1, "1 s"],
    [0, "0 s"],
    [-H, "0 s"],
    [H, "1 h"],
    [H + 20 * MIN, "1 h 20 min"],
    [D, "1 d"],
    [2 * D + 4 * H, "2 d 4 h"],
    [23 * H + 59 * MIN + 1, "1 d"],
  ])("%i ms are %s", (ms, words) => {
    expect(left(NOW + ms, NOW)).toBe(words);
  });

  test("its words change exactly when it says they will", () => {
    for (const ms of [3 * H + 7, 90 * S, MIN + 1, MIN, 10 * S + 3, 1]) {
      const at = NOW + ms;
      const next = leftChangesAt(at, NOW);
      expect(left(at, next - 1)).toBe(left(at, NOW));
      expect(left(at, next)).not.toBe(left(at, NOW));
    }
    expect(leftChangesAt(NOW, NOW)).toBe(Infinity);
  });
});

describe("ago", () => {
  test.each([
    [-5 * S, "just now"],
    [59 * S, "just now"],
    [MIN, "1 min ago"],
    [59 * MIN + 59 * S, "59 min ago"],
    [H, "1 h ago"],
    [25 * H, "1 d ago"],
  ])("%i ms are %s", (ms, words) => {
    expect(ago(NOW - ms, NOW)).toBe(words);
  });

  test("its words change exactly when it says they will", () => {
    for (const ms of [-3 * S, 0, 61 * S, 59 * MIN + 7, H, 5 * H + 3, 23 * H + 59 * MIN, 3 * D]) {
      const at = NOW - ms;
      const next = agoChangesAt(at, NOW);
      expect(next).toBeGreaterThan(NOW);
      // The instant of the event itself is announced as a change, but reads the same.
      if (ms >= 0) expect(ago(at, next)).not.toBe(ago(at, NOW));
      expect(ago(at, next - 1)).toBe(ago(at, NOW));
    }
  });
});

test.each([
  [60, "1 minute"],
  [90, "1 minute 30 seconds"],
  [1_800, "30 minutes"],
  [4 * 3_600, "4 hours"],
  [86_400 + 4 * 3_600 + 120, "1 day 4 hours 2 minutes"],
  [7 * 86_400, "7 days"],
])("%i seconds are %s in full", (seconds, words) => {
  expect(length(seconds)).toBe(words);
});

test("counts agree with their nouns", () => {
  expect(count(1, "resource")).toBe("1 resource");
  expect(count(0, "resource")).toBe("0 resources");
  expect(count(10_000, "resource")).toBe("10,000 resources");
});

test("a moment names its day only where it is another", () => {
  expect(moment(NOW + H, NOW)).toBe("13:00");
  expect(moment(NOW + D, NOW)).toBe("tomorrow 12:00");
  expect(moment(NOW + 2 * D, NOW)).toBe("Fri 12:00");
  expect(moment(NOW + 30 * D, NOW)).toBe("14 Jun 12:00");
});

test("days have headings", () => {
  expect(dayHeading(NOW - H, NOW)).toBe("Today");
  expect(dayHeading(NOW - 13 * H, NOW)).toBe("Yesterday");
  expect(dayHeading(NOW - 3 * D, NOW)).toContain("Sunday");
});

describe("plain", () => {
  test("takes out what steers direction and line", () => {
    expect(plain("\u202egnp.exe\u202c\nPayroll\u2067")).toBe("gnp.exe Payroll");
    expect(plain(" a\u200b\u2028b \t c\u00ad")).toBe("ab c");
  });

  test("keeps joiners, which Persian and emoji need", () => {
    expect(plain("👩‍💻 می‌خواهم")).toBe("👩‍💻 می‌خواهم");
  });

  test("cuts what is absurdly long", () => {
    expect(plain("x".repeat(5_000))).toHaveLength(301);
  });
});

test("times are said as tray, pages and commands say them", () => {
  for (const [ms, words] of Object.entries(cases.remaining))
    expect(left(Number(ms), 0)).toBe(words);
  for (const [ms, words] of Object.entries(cases.ago)) expect(ago(0, Number(ms))).toBe(words);
});

test("the pages' script says times as the window does", async () => {
  const clock = vi.spyOn(performance, "now").mockReturnValue(1_000);
  // @ts-expect-error: the script has no types.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment
  const script = await import("../../crates/console/assets/time.js");
  const { synchronise, tick } = script as Record<
    "synchronise" | "tick",
    (...args: unknown[]) => void
  >;
  const now = Date.UTC(2030, 0, 1);
  document.body.dataset.now = new Date(now).toISOString();
  synchronise(document.body, 1_000);
  const said = (at: number, kind: "left" | "ago") => {
    const time = document.createElement("time");
    time.dateTime = new Date(at).toISOString();
    time.dataset[kind] = "";
    document.body.append(time);
    tick();
    time.remove();
    return time.textContent;
  };
  for (const [ms, words] of Object.entries(cases.remaining))
    expect(said(now + Number(ms), "left")).toBe(words);
  for (const [ms, words] of Object.entries(cases.ago))
    expect(said(now - Number(ms), "ago")).toBe(words);
  clock.mockRestore();
});
