import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Clock } from "./clock.svelte";

const DAY = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

// Browsers fire a timer at once that is set above 2^31 - 1 ms, 24.8 days.
test.each([30, 365])("a tick in %i days is no tick at once", (days) => {
  const timer = vi.spyOn(globalThis, "setTimeout");
  const clock = new Clock();
  clock.set(0);
  clock.tickAt(days * DAY);
  expect(timer.mock.calls[0]?.[1]).toBeLessThan(2 ** 31);
  vi.advanceTimersByTime(1_000);
  expect(clock.now).toBe(0);
});
