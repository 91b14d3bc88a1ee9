import { describe, expect, test, vi } from "vitest";
import cases from "./wording-cases.json";
import {
  ago,
  agoChangesAt,
  approved,
  count,
  dayHeading,
  left,
  leftChangesAt,
  length,
  moment,
  oneLine,
  OUTCOMES,
  plain,
  severalLines,
} from "./wording";

const S = 1_000;
const MIN = 60 * S;
const H = 60 * MIN;
const D = 24 * H;
const NOW = new Date(2030, 4, 15, 12, 0, 0).getTime();

describe("left", () => {
  test("its words change exactly when it says they will", () => {
    for (const ms of [9 * D + 7, 7 * D, 2 * D + 4 * H, D + 1, 3 * H + 7, 90 * S, MIN + 1, MIN, 1]) {
      const at = NOW + ms;
      const next = leftChangesAt(at, NOW);
      expect(left(at, next - 1)).toBe(left(at, NOW));
      expect(left(at, next)).not.toBe(left(at, NOW));
    }
    expect(leftChangesAt(NOW, NOW)).toBe(Infinity);
  });
});

describe("ago", () => {
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

test("counts agree with their nouns", () => {
  expect(count(1, "resource")).toBe("1 resource");
  expect(count(0, "resource")).toBe("0 resources");
  expect(count(10_000, "resource")).toBe("10,000 resources");
});

test("days have headings", () => {
  expect(dayHeading(NOW - H, NOW)).toBe("Today");
  expect(dayHeading(NOW - 13 * H, NOW)).toBe("Yesterday");
  expect(dayHeading(NOW - 3 * D, NOW)).toContain("Sunday");
});

describe("as the domain says it", () => {
  const pairs = (table: Record<string, string>) => Object.entries(table);
  /** Without a zone in the table: it is the reader's. */
  const local = (moment: string) => new Date(moment).getTime();

  test("times and lengths", () => {
    for (const [ms, words] of pairs(cases.remaining)) expect(left(Number(ms), 0), ms).toBe(words);
    for (const [ms, words] of pairs(cases.ago)) expect(ago(0, Number(ms)), ms).toBe(words);
    for (const [seconds, words] of pairs(cases.length)) expect(length(Number(seconds))).toBe(words);
    for (const [now, moments] of Object.entries(cases.moment))
      for (const [at, words] of pairs(moments))
        expect(moment(local(at), local(now)), `${at} at ${now}`).toBe(words);
  });

  test("times on pages", async () => {
    const clock = vi.spyOn(performance, "now").mockReturnValue(1_000);
    // @ts-expect-error: the script has no types.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment
    const script = await import("../../crates/console/assets/time.js");
    const { synchronise, tick } = script as Record<
      "synchronise" | "tick",
      (...args: unknown[]) => void
    >;
    const said = (kind: "left" | "ago" | "moment" | "instant", at: number, now: number) => {
      document.body.dataset.now = new Date(now).toISOString();
      synchronise(document.body, 1_000);
      const time = document.createElement("time");
      time.dateTime = new Date(at).toISOString();
      time.dataset[kind] = "";
      document.body.append(time);
      tick();
      time.remove();
      return time.textContent;
    };
    for (const [ms, words] of pairs(cases.remaining))
      expect(said("left", NOW + Number(ms), NOW), ms).toBe(words);
    for (const [ms, words] of pairs(cases.ago))
      expect(said("ago", NOW - Number(ms), NOW), ms).toBe(words);
    for (const [now, moments] of Object.entries(cases.moment))
      for (const [at, words] of pairs(moments))
        expect(said("moment", local(at), local(now)), `${at} at ${now}`).toBe(words);
    expect(said("instant", NOW + 4_009, NOW)).toBe("12:00:04.009");
    clock.mockRestore();
  });

  test("outcomes", () => {
    expect({ approved: approved(3_600), unlocked: approved(null), ...OUTCOMES }).toEqual(
      cases.verdict,
    );
  });

  test("each character there is", () => {
    const runs = pairs(cases.unsafe).map((run) => run.map((code) => parseInt(code, 16)));
    const isUnsafe = (code: number) =>
      runs.some(([first = 0, last = 0]) => first <= code && code <= last);
    const isBlank = (c: string) => /[\p{Cc}\p{White_Space}]/u.test(c);
    const wrong = [];
    for (let first = 0; first <= 0x10ffff; first += 0x100) {
      if (first >= 0xd800 && first < 0xe000) continue;
      const codes = Array.from({ length: 0x100 }, (_, index) => first + index);
      const chars = codes.map((code) => String.fromCodePoint(code));
      const safe = codes.map((code, index) => (isUnsafe(code) ? "" : (chars[index] ?? "")));
      const lines = chars.map((c, index) => (c === "\n" || c === "\t" ? c : safe[index]));
      const line = chars.map((c, index) => (isBlank(c) ? " " : safe[index]));
      if (severalLines(chars.join("")) !== lines.join("")) wrong.push(first);
      if (oneLine(`a${chars.join("a")}a`, Infinity) !== `a${line.join("a")}a`) wrong.push(first);
    }
    expect(wrong).toEqual([]);
  });

  test("lines", () => {
    for (const [text, line] of pairs(cases.oneLine)) expect(oneLine(text, 12), text).toBe(line);
  });
});

test("an absurdly long name is cut", () => {
  expect(Array.from(plain("👩".repeat(5_000)))).toHaveLength(300);
});
