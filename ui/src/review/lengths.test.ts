import { expect, test } from "vitest";
import { shorterThan, typedLength } from "./lengths";

test("the nearest shorter lengths are offered", () => {
  expect(shorterThan(4 * 3_600)).toEqual([1_800, 3_600, 7_200]);
  expect(shorterThan(7 * 86_400)).toEqual([8 * 3_600, 86_400, 3 * 86_400]);
  expect(shorterThan(900)).toEqual([]);
});

test("a typed length is taken within the one asked", () => {
  expect(typedLength("90", "minutes", 7_200)).toBe(5_400);
  expect(typedLength(" 1.5 ", "hours", 7_200)).toBe(5_400);
  expect(typedLength("1,5", "hours", 7_200)).toBe(5_400);
  expect(typedLength("2", "hours", 7_200)).toBe(7_200);
});

test.each(["", " ", "soon", "1e999", "Infinity"])("%j is no number", (amount) => {
  expect(typedLength(amount, "hours", 7_200)).toBe("Type a number.");
});

test("nothing shorter than a minute, nothing longer than asked", () => {
  expect(typedLength("0", "hours", 7_200)).toBe("At least 1 minute.");
  expect(typedLength("-3", "minutes", 7_200)).toBe("At least 1 minute.");
  expect(typedLength("2.1", "hours", 7_200)).toBe("No longer than asked.");
  expect(typedLength("1", "days", 7_200)).toBe("No longer than asked.");
});
