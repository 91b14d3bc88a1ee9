import { beforeEach, expect, test } from "vitest";
import {
  button,
  click,
  engine,
  LIVE,
  mountBeforeEach,
  NOW,
  press,
  sent,
  settle,
  show,
  text,
  type,
} from "../mounted";
import type { Review } from "../view/Review";

mountBeforeEach();

const request: Review = {
  id: 11,
  requester: "Lee Novak",
  resource: "Grafana",
  group: "Support",
  reason: "<b>Ticket</b> 4412",
  seconds: 4 * 3_600,
  since: NOW - 60_000,
  lapsesAt: NOW + 3_600_000,
  recentGrants: 0,
  mayDecide: true,
};

beforeEach(() => {
  show(LIVE, { part: "reviews", value: [request] }, { part: "show", value: "review" });
});

test("there is no such tab for those who review nothing", () => {
  expect(document.querySelector("#tab-review")).not.toBeNull();
  engine.push({ part: "reviews", value: null });
  expect(document.querySelector("#tab-review")).toBeNull();
  expect(document.querySelector("[data-search]")).not.toBeNull();
});

test("approves as asked", async () => {
  await click("Approve 4 hours");
  expect(sent()).toEqual([{ do: "approve", request: 11, seconds: null, comment: "" }]);
});

test("an unlock is approved as it is: it has no length", async () => {
  engine.push({ part: "reviews", value: [{ ...request, seconds: null }] });
  await settle();
  expect(text()).toContain("Asks to unlock it");
  expect(text()).not.toContain("Less…");
  await click("Unlock");
  expect(sent()).toEqual([{ do: "approve", request: 11, seconds: null, comment: "" }]);
});

test("opens the request's review page", async () => {
  await click("Open in browser");
  expect(sent()).toEqual([{ do: "reviewPage", request: 11 }]);
});

test("approves for less, with a word", async () => {
  await click("Less…");
  type("textarea", " Only the replica. ");
  await click("Approve 2 hours");
  expect(sent()).toEqual([
    { do: "approve", request: 11, seconds: 7_200, comment: "Only the replica." },
  ]);
});

test("a typed length over the one asked is not sent", async () => {
  await click("Less…");
  document.querySelector<HTMLInputElement>("label:last-of-type > [type=radio]")?.click();
  await settle();
  type("[aria-label=Length]", "5");
  expect(text()).toContain("No longer than asked.");
  await click("Approve");
  expect(sent()).toEqual([]);
  type("[aria-label=Length]", "3");
  await click("Approve 3 hours");
  expect(sent()).toEqual([{ do: "approve", request: 11, seconds: 10_800, comment: "" }]);
});

test("a denial needs a comment", async () => {
  await click("Deny…");
  await click("Deny");
  type("textarea", "  ");
  await click("Deny");
  expect(sent()).toEqual([]);
  type("textarea", "Use the copy.");
  await click("Deny");
  expect(sent()).toEqual([{ do: "deny", request: 11, comment: "Use the copy." }]);
});

test("what is typed survives a refusal, a push and a change of tab", async () => {
  engine.refusal = "Offline: nothing was sent.";
  await click("Deny…");
  type("textarea", "Use the copy.");
  await click("Deny");
  expect(text()).toContain("Offline: nothing was sent.");
  engine.push({ part: "reviews", value: [{ ...request, recentGrants: 1 }] });
  press("2", { ctrlKey: true });
  press("3", { ctrlKey: true });
  expect(document.querySelector("textarea")?.value).toBe("Use the copy.");
});

test("Escape closes the form, keeps its text, and leaves the window open", async () => {
  await click("Deny…");
  type("textarea", "Use the copy.");
  expect(document.activeElement?.tagName).toBe("TEXTAREA");
  press("Escape");
  await settle();
  expect(document.querySelector("textarea")).toBeNull();
  expect(sent()).toEqual([]);
  await click("Deny…");
  expect(document.querySelector("textarea")?.value).toBe("Use the copy.");
});

test("two clicks in a row decide once", async () => {
  const approve = button("Approve 4 hours");
  approve.click();
  approve.click();
  await settle();
  expect(sent()).toHaveLength(1);
});

test("one's own request is left to others", () => {
  engine.push({ part: "reviews", value: [{ ...request, mayDecide: false }] });
  expect(text()).toContain("somebody else decides");
  expect(() => button("Approve 4 hours")).toThrow();
  expect(document.querySelector("#tab-review b")).toBeNull();
});

test("a reason is shown as typed", () => {
  expect(document.querySelector("blockquote b")).toBeNull();
  expect(document.querySelector("blockquote")?.textContent.trim()).toBe("<b>Ticket</b> 4412");
});
