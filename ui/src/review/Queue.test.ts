import { beforeEach, describe, expect, test } from "vitest";
import {
  button,
  click,
  engine,
  LIVE,
  mountBeforeEach,
  NOW,
  pass,
  press,
  sent,
  settle,
  show,
  text,
  type,
} from "../mounted";
import type { Review } from "../view/Review";
import { LEAVE_DELAY, SETTLE_TIME, UNDO_TIME } from "./queue.svelte";

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

const second: Review = { ...request, id: 12, requester: "Nina Roy", resource: "Wiki" };
const third: Review = { ...request, id: 13, requester: "Ilse Brandt", resource: "Mail relay" };

beforeEach(async () => {
  show(LIVE, { view: "reviews", value: [request] }, { view: "show", value: "review" });
  await pass(SETTLE_TIME);
});

/** Pushes the requests that wait. */
function push(...value: Review[]) {
  engine.push({ view: "reviews", value });
}

/** The cards from top to bottom. */
function cards(): HTMLElement[] {
  return [...document.querySelectorAll("article")];
}

/** What the queue last announced. */
function news(): string {
  return document.querySelector("#panel [role=status]")?.textContent ?? "";
}

/** Clicks where the first button of that card is, or was before the card was decided: Undo is elsewhere. */
async function clickAt(place: number) {
  const card = cards()[place];
  const target = card?.querySelector("button:not([aria-label^=Undo])") ?? card;
  document.querySelector(".area")?.dispatchEvent(new PointerEvent("pointerenter"));
  target?.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
  if (target instanceof HTMLElement) {
    target.focus(); // as a press of the button does
    target.click();
  }
  await settle();
}

/** Presses a key as the browser does: a focused button takes Enter and Space for a click. */
async function pressOn(key: string) {
  const target = document.activeElement;
  if (!press(key) && target instanceof HTMLButtonElement) target.click();
  await settle();
}

/** Takes the pointer out of the list. */
function leave() {
  document.querySelector(".area")?.dispatchEvent(new PointerEvent("pointerleave"));
}

test("there is no such tab for those who review nothing", () => {
  expect(document.querySelector("#tab-review")).not.toBeNull();
  engine.push({ view: "reviews", value: null });
  expect(document.querySelector("#tab-review")).toBeNull();
  expect(document.querySelector("[data-search]")).not.toBeNull();
});

test("approves as asked", async () => {
  await click("Approve 4 hours");
  expect(sent()).toEqual([{ do: "approve", request: 11, seconds: null, comment: "" }]);
});

test("an unlock is approved as it is: it has no length", async () => {
  engine.push({ view: "reviews", value: [{ ...request, seconds: null }] });
  await settle();
  expect(text()).toContain("Requests an unlock");
  expect(text()).not.toContain("Shorter…");
  await click("Unlock");
  expect(sent()).toEqual([{ do: "approve", request: 11, seconds: null, comment: "" }]);
});

test("a request for more time says what it extends and what an approval gives", async () => {
  const extension = { ...request, extends: NOW + 600_000, extendedUntil: NOW + 4 * 3_600_000 };
  engine.push({ view: "reviews", value: [extension] });
  await settle();
  expect(text()).toMatch(
    /Requests to extend access that ends .+: 4 hours from\s+approval, until .+ if\s+approved now/,
  );
  await click("Approve 4 hours");
  expect(sent()).toEqual([{ do: "approve", request: 11, seconds: null, comment: "" }]);
});

test("a shorter extension is one that adds something", async () => {
  const extension = { ...request, extends: NOW + 2_000_000, extendedUntil: NOW + 4 * 3_600_000 };
  engine.push({ view: "reviews", value: [extension] });
  await settle();
  await click("Shorter…");
  expect(text()).toMatch(/Shorter time\s*1 hour\s*2 hours\s*Other…/);
});

/** As the pages do: for whom a deputy decides, whom an administrator asked, and when access would start. */
test("a deputy reads for whom, and everybody who was asked", async () => {
  const theirs = { ...request, onBehalfOf: "Rosa Ott", startsAt: NOW + 1_800_000 };
  engine.push({ view: "reviews", value: [{ ...theirs, askedReviewers: ["Ben Ito", "Rosa Ott"] }] });
  await settle();
  expect(text()).toContain("You decide for Rosa Ott, who is away.");
  expect(text()).toContain("Asked: Ben Ito, Rosa Ott");
  expect(text()).toMatch(/Requests access for 4 hours, from\s+\d/);
  await pass(SETTLE_TIME);
  await click("Approve 4 hours");
  await settle();
  expect(cards()[0]?.textContent).toContain("Approved for 4 hours, for Rosa Ott");
});

describe("an assignment that ends before the length is over", () => {
  const END = NOW + 3_600_000;
  const at = (time: number) => new Date(time).toTimeString().slice(0, 5);

  test("is said beside the length, on the button and afterwards", async () => {
    push({ ...request, endsBy: END });
    await settle();
    expect(text()).toContain(`Requests access for 4 hours, until ${at(END)} at the latest`);
    expect(() => button("Approve 4 hours")).toThrow();
    await click(`Approve until ${at(END)}`);
    expect(sent()).toEqual([{ do: "approve", request: 11, seconds: null, comment: "" }]);
    expect(cards()[0]?.textContent).toContain(`Approved until ${at(END)}`);
  });

  test("with a start it is counted from there", async () => {
    const end = NOW + 4 * 3_600_000 + 900_000;
    push({ ...request, startsAt: NOW + 1_800_000, endsBy: end });
    await settle();
    expect(text()).toMatch(/for 4 hours, from \d\d:\d\d, until \d\d:\d\d at the latest/);
    expect(() => button(`Approve until ${at(end)}`)).not.toThrow();
  });

  test("counts for a shorter time too, and only where it is shorter", async () => {
    push({ ...request, endsBy: NOW + 5_400_000 });
    await pass(SETTLE_TIME);
    await click("Shorter…");
    expect(() => button(`Approve until ${at(NOW + 5_400_000)}`)).not.toThrow(); // of 2 hours
    for (const chip of document.querySelectorAll<HTMLElement>("label.chip"))
      if (chip.textContent.includes("1 hour")) chip.querySelector("input")?.click();
    await settle();
    expect(() => button("Approve 1 hour")).not.toThrow();
  });

  test("begins to count while the card stands there", async () => {
    push({ ...request, endsBy: NOW + 4 * 3_600_000 + 90_000 });
    await pass(SETTLE_TIME);
    expect(() => button("Approve 4 hours")).not.toThrow();
    await pass(91_000);
    expect(() => button("Approve 4 hours")).toThrow();
  });
});

test("opens the request's review page", async () => {
  await click("Open in browser: Lee Novak, Grafana");
  expect(sent()).toEqual([{ do: "reviewPage", request: 11 }]);
});

test("approves for a shorter time, with a comment", async () => {
  await click("Shorter…");
  await pass(SETTLE_TIME);
  type("textarea", " Only the replica. ");
  await click("Approve 2 hours");
  expect(sent()).toEqual([
    { do: "approve", request: 11, seconds: 7_200, comment: "Only the replica." },
  ]);
});

test("a typed length over the one asked is not sent", async () => {
  await click("Shorter…");
  document.querySelector<HTMLInputElement>("label:last-of-type > [type=radio]")?.click();
  await settle();
  type("[aria-label=Length]", "5");
  expect(text()).toContain("No longer than requested.");
  await pass(SETTLE_TIME);
  await click("Approve");
  expect(sent()).toEqual([]);
  type("[aria-label=Length]", "2 h 60 min");
  await click("Approve 3 hours");
  expect(sent()).toEqual([{ do: "approve", request: 11, seconds: 10_800, comment: "" }]);
});

test("a denial needs a comment", async () => {
  await click("Deny…");
  await pass(SETTLE_TIME);
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
  await pass(SETTLE_TIME);
  await click("Deny");
  expect(text()).toContain("Offline: nothing was sent.");
  engine.push({ view: "reviews", value: [{ ...request, recentGrants: 1 }] });
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
  await pass(SETTLE_TIME);
  await click("Deny…");
  expect(document.querySelector("textarea")?.value).toBe("Use the copy.");
});

const GAPS = [0, 100, 250, 500, 900];

describe.each(GAPS)("a second click %i ms later at the same point decides nothing", (gap) => {
  beforeEach(async () => {
    push(request, second);
    await pass(SETTLE_TIME);
  });

  test("where the engine says nothing yet", async () => {
    await clickAt(0);
    await pass(gap);
    await clickAt(0);
    expect(sent()).toHaveLength(1);
  });

  test("where the request goes after the answer", async () => {
    await clickAt(0);
    push(second);
    await pass(gap);
    await clickAt(0);
    expect(sent()).toHaveLength(1);
    expect(cards()[0]?.textContent).toContain("Approved for 4 hours");
    expect(cards()[0]?.textContent).toContain("Lee Novak → Grafana");
  });

  test("where the request goes before the answer", async () => {
    let answer: () => void = () => undefined;
    engine.answered = new Promise((resolve) => (answer = resolve));
    await clickAt(0);
    push(second);
    await pass(gap);
    await clickAt(0);
    answer();
    await settle();
    await clickAt(0);
    expect(sent()).toHaveLength(1);
    expect(cards()[0]?.textContent).toContain("Approved for 4 hours");
  });

  test("where another one comes in above", async () => {
    await clickAt(0);
    push(third, second);
    await pass(gap);
    await clickAt(0);
    expect(sent()).toHaveLength(1);
  });

  test.each(["Enter", " "])("nor does %j pressed again", async (key) => {
    cards()[0]?.querySelector("button")?.focus();
    await pressOn(key);
    push(second);
    await pass(gap);
    await pressOn(key);
    expect(sent()).toHaveLength(1);
    expect(document.activeElement).toBe(cards()[0]);
    press("ArrowDown");
    expect(document.activeElement?.ariaLabel).toBe("Approve 4 hours for Nina Roy, Wiki");
  });
});

describe("buttons that moved", () => {
  beforeEach(async () => {
    push(request, second);
    await pass(SETTLE_TIME);
  });

  /** Which buttons of a card say that they are off. */
  const off = (place: number) =>
    [...(cards()[place]?.querySelectorAll("button") ?? [])].map((one) => one.ariaDisabled);

  test("are inert for a moment, and say so", async () => {
    push(third, request, second);
    for (const place of [0, 1, 2]) expect(new Set(off(place))).toEqual(new Set(["true"]));
    await clickAt(1);
    expect(sent()).toEqual([]);
    await pass(SETTLE_TIME);
    expect(new Set(off(1))).toEqual(new Set(["false"]));
    await clickAt(1);
    expect(sent()).toHaveLength(1);
  });

  test("by a form above or by an error above are inert, and what stays in place is not", async () => {
    await click("Shorter time for Nina Roy, Wiki");
    expect(off(0)).not.toContain("true");
    expect(off(1)).toContain("true");
    press("Enter"); // the form's first answer, much too soon
    await click("Approve 2 hours");
    expect(sent()).toEqual([]);
    await pass(SETTLE_TIME);
    engine.refusal = "Offline: nothing was sent.";
    await click("Approve 2 hours");
    expect(off(0)).toContain("true");
  });

  test("for a push that changes nothing they stay as they are", () => {
    push({ ...request, recentGrants: 2 }, second);
    expect(off(0)).not.toContain("true");
  });
});

describe("a decided card", () => {
  beforeEach(async () => {
    push(request, second);
    await pass(SETTLE_TIME);
  });

  test("folds away only when the pointer has left, and some time has passed", async () => {
    await clickAt(0);
    await clickAt(0);
    push(second);
    await pass(10 * UNDO_TIME);
    expect(cards()).toHaveLength(2);
    leave();
    await pass(LEAVE_DELAY - 1);
    expect(cards()).toHaveLength(2);
    await pass(1);
    expect(cards()).toHaveLength(1);
    expect(document.activeElement).not.toBe(document.body);
    await clickAt(0); // it has slid there just now
    expect(sent()).toHaveLength(1);
  });

  test("stays while it has the focus", async () => {
    cards()[0]?.querySelector("button")?.focus();
    await pressOn("Enter");
    push(second);
    await pass(10 * UNDO_TIME);
    expect(cards()).toHaveLength(2);
    press("1", { ctrlKey: true });
    await pass(10 * UNDO_TIME);
    press("3", { ctrlKey: true });
    expect(cards()).toHaveLength(1);
  });

  test("is announced, and counts no longer", async () => {
    await clickAt(0);
    expect(news()).toBe("Approved for 4 hours: Lee Novak, Grafana");
    expect(text()).toContain("1 waiting");
    await click("Deny Nina Roy, Wiki");
    type("textarea", "Use the copy.");
    await pass(SETTLE_TIME);
    await click("Deny");
    expect(news()).toBe("Denied: Nina Roy, Wiki");
    expect(cards()[1]?.textContent).toContain("Use the copy.");
    expect(document.querySelector("#tab-review b")).toBeNull();
  });

  test("waits again when its request does", async () => {
    await clickAt(0);
    push(second);
    push(request, second);
    await pass(SETTLE_TIME);
    expect(() => button("Approve 4 hours for Lee Novak, Grafana")).not.toThrow();
  });
});

/** Rule 12: within 10 seconds whoever decided may take that back, once. */
describe("a decision is taken back", () => {
  const UNDO = "Undo: Lee Novak, Grafana";
  const undone = { do: "undo", request: 11 };

  /** Approves the request, which leaves the queue; Undo can be clicked then. */
  async function approve() {
    await click("Approve 4 hours");
    push(second);
    await pass(SETTLE_TIME);
  }

  /** Whether the card of the request offers to take the decision back. */
  const offered = () => document.querySelector(`[aria-label="${UNDO}"]`) !== null;

  test("by its button, once", async () => {
    await approve();
    const undo = button(UNDO);
    undo.click();
    undo.click();
    await settle();
    expect(sent().slice(1)).toEqual([undone]);
    expect(cards()[0]?.textContent).toContain("Taken back");
    expect(news()).toBe("Taken back: Lee Novak, Grafana");
    expect(offered()).toBe(false);
    press("u");
    await settle();
    expect(sent()).toHaveLength(2);
  });

  test("for 10 seconds from when it was sent, also under the pointer", async () => {
    let answer: () => void = () => undefined;
    engine.answered = new Promise((resolve) => (answer = resolve));
    await clickAt(0);
    await pass(4_000);
    answer();
    await settle();
    push(second);
    await pass(5_999);
    expect(offered()).toBe(true);
    await pass(1);
    expect(offered()).toBe(false);
    expect(cards()[0]?.textContent).toContain("Approved for 4 hours");
    press("u");
    await settle();
    expect(sent()).toHaveLength(1);
  });

  test("a card stays as long, with the pointer elsewhere", async () => {
    await approve();
    await pass(UNDO_TIME - SETTLE_TIME - 1);
    expect(offered()).toBe(true);
    expect(cards()).toHaveLength(2);
    await pass(1);
    expect(cards()).toHaveLength(1);
  });

  test("by U, which searches elsewhere", async () => {
    await approve();
    document.querySelector<HTMLElement>("[data-home]")?.focus();
    expect(press("u")).toBe(true);
    await settle();
    expect(sent().slice(1)).toEqual([undone]);
    expect(document.querySelector("#tab-review")?.ariaSelected).toBe("true");
    press("u");
    expect(document.querySelector("#tab-resources")?.ariaSelected).toBe("true");
  });

  test("U in a comment is a letter", async () => {
    push(request, second);
    await pass(SETTLE_TIME);
    await approve();
    await click("Deny Nina Roy, Wiki");
    expect(press("u")).toBe(false);
    expect(sent()).toHaveLength(1);
  });

  test("the latest one first, of which a denial is one", async () => {
    push(request, second);
    await pass(SETTLE_TIME);
    await click("Approve 4 hours for Lee Novak, Grafana");
    await click("Deny Nina Roy, Wiki");
    type("textarea", "Use the copy.");
    await pass(SETTLE_TIME);
    await click("Deny");
    push();
    await pass(SETTLE_TIME);
    document.querySelector<HTMLElement>("[data-home]")?.focus();
    press("u");
    await settle();
    press("U");
    await settle();
    expect(sent().slice(2)).toEqual([{ do: "undo", request: 12 }, undone]);
  });

  test("a vote that is taken back leaves a request that waits", async () => {
    await click("Approve 4 hours");
    push(request); // one more reviewer has to approve
    await pass(SETTLE_TIME);
    await click(UNDO);
    await pass(SETTLE_TIME);
    await click("Approve 4 hours");
    expect(sent().at(-1)).toMatchObject({ do: "approve", request: 11 });
  });

  test("a refusal is told, and leaves the decision as it was", async () => {
    await approve();
    engine.refusal = "Something has changed since you decided.";
    await click(UNDO);
    expect(text()).toContain("Something has changed since you decided.");
    expect(cards()[0]?.textContent).toContain("Approved for 4 hours");
  });

  test("not by a second click, however the buttons stand", async () => {
    await click("Approve 4 hours");
    await click(UNDO);
    expect(sent()).toHaveLength(1);
  });

  test("not by who did not decide", () => {
    document.querySelector(".area")?.dispatchEvent(new PointerEvent("pointerenter"));
    push(second);
    expect(cards()[0]?.textContent).toContain("Already decided");
    expect(offered()).toBe(false);
  });

  test("the focus stays on the card when the button goes", async () => {
    await approve();
    button(UNDO).focus();
    await pass(UNDO_TIME);
    expect(document.activeElement).toBe(cards()[0]);
  });
});

describe("a request that somebody else decides", () => {
  test("keeps what is typed, which can still be copied but not sent", async () => {
    await click("Deny…");
    type("textarea", "Use the copy.");
    document.querySelector<HTMLElement>("#tab-review")?.focus(); // so that only the text holds it
    push();
    await pass(10 * UNDO_TIME);
    expect(text()).toContain("Already decided");
    const typed = document.querySelector("textarea");
    expect([typed?.value, typed?.readOnly, typed?.disabled]).toEqual([
      "Use the copy.",
      true,
      false,
    ]);
    expect(button("Deny").ariaDisabled).toBe("true");
    await click("Deny");
    expect(sent()).toEqual([]);
    await click("Close");
    expect(document.activeElement).not.toBe(document.body);
    press("1", { ctrlKey: true });
    await pass(10 * UNDO_TIME);
    press("3", { ctrlKey: true });
    expect(cards()).toEqual([]);
  });

  test("stays in its place under the pointer, and goes at once elsewhere", async () => {
    push(request, second);
    document.querySelector(".area")?.dispatchEvent(new PointerEvent("pointerenter"));
    push(second);
    expect(cards()[0]?.textContent).toContain("Already decided");
    leave();
    await pass(LEAVE_DELAY);
    expect(cards()).toHaveLength(1);
    push();
    expect(cards()).toEqual([]);
  });

  test("says so where this person was slower", async () => {
    engine.refusal = "Marta has already denied this request.";
    let answer: () => void = () => undefined;
    engine.answered = new Promise((resolve) => (answer = resolve));
    await clickAt(0);
    push();
    answer();
    await settle();
    expect(cards()[0]?.textContent).toContain("Already decided");
    expect(text()).toContain("Marta has already denied this request.");
  });
});

test("a new request is announced, with what it is for", () => {
  const unlock = { ...second, seconds: null };
  const extension = { ...third, extends: NOW + 600_000 };
  push(request, second);
  expect(news()).toBe("Nina Roy asks for Wiki");
  push(request);
  push(request, unlock);
  expect(news()).toBe("Nina Roy asks to unlock Wiki");
  push(request, unlock, extension);
  expect(news()).toBe("Ilse Brandt asks to extend Mail relay");
  expect(cards().map((card) => card.ariaLabel)).toEqual([
    "Lee Novak asks for Grafana",
    "Nina Roy asks to unlock Wiki",
    "Ilse Brandt asks to extend Mail relay",
  ]);
});

/** A right-to-left name must not turn round what stands beside it. */
test("every name stands isolated", async () => {
  const isolated = () => [...document.querySelectorAll("article bdi")].map((it) => it.textContent);
  push({ ...request, onBehalfOf: "דן", askedReviewers: ["נועה", "יעל"] });
  await settle();
  for (const name of ["דן", "נועה", "יעל"]) expect(isolated()).toContain(name);
  expect(text()).toContain("Asked: נועה, יעל");
  await pass(SETTLE_TIME);
  await click("Approve 4 hours");
  expect(isolated()).toContain("דן");
  expect(text()).toContain("Approved for 4 hours, for דן");
  push({ ...second, requester: "נועה", mayDecide: false });
  await settle();
  const own = document.querySelector(".own bdi");
  expect(own?.textContent).toBe("נועה");
});

test("one's own request is left to others", () => {
  engine.push({ view: "reviews", value: [{ ...request, mayDecide: false }] });
  expect(text()).toContain("Another reviewer decides");
  expect(() => button("Approve 4 hours")).toThrow();
  expect(document.querySelector("#tab-review b")).toBeNull();
});

test("as many wait as this person can decide, in the heading as at the tab", () => {
  push(request, { ...second, mayDecide: false }, third);
  expect(cards()).toHaveLength(3);
  expect(document.querySelector("#tab-review b")?.textContent).toBe("2 waiting for you");
  expect(document.querySelector("h1 + span")?.textContent).toBe("2 waiting");
  push({ ...second, mayDecide: false });
  expect(document.querySelector("h1 + span")).toBeNull();
});

test("a reason is shown as typed", () => {
  expect(document.querySelector("blockquote b")).toBeNull();
  expect(document.querySelector("blockquote")?.textContent.trim()).toBe("<b>Ticket</b> 4412");
});
