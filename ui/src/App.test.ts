import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  account,
  button,
  click,
  engine,
  LIVE,
  mountBeforeEach,
  NOW,
  pass,
  press,
  reopen,
  sent,
  settle,
  show,
  text,
  type,
} from "./mounted";
import { granted, resource } from "./resources/samples";
import type { InboxItem } from "./view/InboxItem";
import type { InboxKind } from "./view/InboxKind";
import type { SessionState } from "./view/SessionState";

mountBeforeEach();

const payroll = resource(1, "Payroll database", { lock: granted(NOW - 60_000, NOW + 120_000) });
const grafana = resource(2, "Grafana", { opens: true });
test("it listens first, and then asks for everything once", () => {
  expect(engine.sent).toEqual([{ do: "load" }]);
  expect(() => {
    show(LIVE);
  }).not.toThrow();
});

test("an engine that does not answer is said, and can be asked again", async () => {
  await reopen("The engine has stopped.");
  expect(text()).toContain("Hourkey isn’t responding The engine has stopped.");
  engine.refusal = null;
  await click("Try again");
  expect(engine.sent).toEqual([{ do: "load" }, { do: "load" }]);
  expect(text()).not.toContain("isn’t responding");
});

test("Ctrl with plus, minus and zero zooms the page, and the next window keeps it", async () => {
  localStorage.clear();
  show({ kind: "signedOut", controller: "", error: null });
  press("+", { ctrlKey: true });
  await settle();
  expect(engine.zoomed).toBe(1.1);
  expect(text()).toContain("110%");
  press("=", { ctrlKey: true });
  expect(engine.zoomed).toBe(1.25);
  await reopen(null);
  expect(engine.zoomed).toBe(1.25);
  for (let presses = 0; presses < 20; presses += 1) press("-", { ctrlKey: true });
  expect(engine.zoomed).toBe(0.75);
  press("0", { metaKey: true });
  expect(engine.zoomed).toBe(1);
});

describe("the focus never falls to the page", () => {
  const focus = () => document.activeElement?.outerHTML ?? "";

  test("when a problem is dismissed", async () => {
    show(LIVE, { view: "resources", value: [payroll] });
    engine.refusal = "Offline: nothing was sent.";
    press("Enter");
    await settle();
    button("Dismiss").focus();
    await click("Dismiss");
    expect(focus()).toContain("data-search");
  });

  test("when signing in begins, ends and is cancelled", async () => {
    const controller = "https://hourkey.example";
    show({ kind: "signedOut", controller, error: null });
    button("Sign in").focus();
    show({ kind: "signingIn", controller });
    expect(document.activeElement).toBe(button("Cancel"));
    show({ kind: "signedOut", controller, error: "Cancelled." });
    expect(document.activeElement?.id).toBe("controller");
    show(LIVE);
    expect(focus()).toContain("data-search");
    await settle();
  });

  test("when the last request goes", () => {
    const review = {
      id: 1,
      requester: "Lee Novak",
      resource: "Grafana",
      group: "Support",
      reason: "",
      seconds: 60,
      since: NOW,
      lapsesAt: NOW + 60_000,
      recentGrants: 0,
      mayDecide: true,
    };
    show(LIVE, { view: "reviews", value: [review] }, { view: "show", value: "review" });
    document.querySelector<HTMLElement>("ul[data-home]")?.focus();
    engine.push({ view: "reviews", value: [] });
    expect(focus()).toContain('id="panel"');
  });
});

describe("resources", () => {
  beforeEach(() => {
    show(LIVE, { view: "resources", value: [payroll, grafana] });
  });

  test("Enter does the selected row's primary action, and arrows select", async () => {
    press("Enter");
    press("ArrowDown");
    press("Enter");
    await settle();
    expect(sent()).toEqual([
      { do: "copy", resource: 1 },
      { do: "authenticate", resource: 2 },
    ]);
  });

  test("exactly one action is filled: the selected row's", () => {
    expect([...document.querySelectorAll(".primary")].map((one) => one.ariaLabel)).toEqual([
      "Copy: Payroll database",
    ]);
    press("ArrowDown");
    expect([...document.querySelectorAll(".primary")].map((one) => one.ariaLabel)).toEqual([
      "Authenticate: Grafana",
    ]);
  });

  test("a click on a locked address opens its request page, and only once", async () => {
    const address = button("grafana.corp: Authenticate");
    address.dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 }));
    address.dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 2 }));
    await settle();
    expect(sent()).toEqual([{ do: "authenticate", resource: 2 }]);
  });

  test("Ctrl+C copies the selected address", async () => {
    press("ArrowDown");
    press("c", { ctrlKey: true });
    await settle();
    expect(sent()).toEqual([{ do: "copy", resource: 2 }]);
    expect(text()).toContain("Address copied");
  });

  test("giving back wants a second, deliberate click", async () => {
    press("F10", { shiftKey: true });
    await click("Give back");
    expect(sent()).toEqual([]);
    await click("Click again to give back"); // too quick: a double click
    expect(sent()).toEqual([]);
    await pass(1_000);
    await click("Click again to give back");
    expect(sent()).toEqual([{ do: "release", grant: 70 }]);
    expect(document.querySelector("[role=menu]")).toBeNull();
  });

  test("what changes by news is announced", () => {
    const announced = () =>
      [...document.querySelectorAll("#panel [role=status]")].map((one) => one.textContent).join("");
    expect(announced()).toBe("");
    engine.push({ view: "resources", value: [payroll, { ...grafana, lock: payroll.lock }] });
    expect(announced()).toBe("Grafana: 2 min left");
    engine.push({ view: "resources", value: [grafana] });
    expect(announced()).toBe("Grafana: Needs approval");
  });

  test("Escape clears the search, then closes the window", async () => {
    type("[data-search]", "graf");
    expect(text()).not.toContain("Payroll");
    press("Escape");
    expect(text()).toContain("Payroll");
    expect(sent()).toEqual([]);
    press("Escape");
    await settle();
    expect(sent()).toEqual([{ do: "closeWindow" }]);
  });

  test("typing elsewhere goes to the search field", () => {
    press("4", { ctrlKey: true });
    expect(text()).toContain("Settings");
    const prevented = press("g");
    expect(document.activeElement?.matches("[data-search]")).toBe(true);
    expect(prevented).toBe(false); // so that the character itself arrives too
  });

  test("the time left counts by the server's clock, without news, down to locked", async () => {
    expect(text()).toContain("2 min left");
    await pass(60_100);
    expect(text()).toContain("60 s left");
    await pass(30_000);
    expect(text()).toContain("30 s left");
    await pass(30_000);
    expect(text()).toContain("Ended");
    expect(text()).not.toContain("Open1");
  });

  test("nothing ticks while nothing shown can change", async () => {
    engine.push({ view: "resources", value: [grafana] });
    await pass(1); // jsdom sets short timers of its own
    expect(vi.getTimerCount()).toBe(0);
  });

  test("hostile names are text, cut loose from direction", () => {
    engine.push({
      view: "resources",
      value: [resource(3, "\u202e<img src=x onerror=alert(1)>\u2067")],
    });
    expect(document.querySelector("#resources img")).toBeNull();
    expect(document.querySelector("#resources bdi")?.textContent).toBe(
      "<img src=x onerror=alert(1)>",
    );
  });

  test("a refusal is shown until it is dismissed", async () => {
    engine.refusal = "The clipboard is not available.";
    press("Enter");
    await settle();
    expect(document.querySelector("[role=alert]")?.textContent).toContain("clipboard");
    await click("Dismiss");
    expect(document.querySelector("[role=alert]")).toBeNull();
  });
});

describe("signing in", () => {
  const out: SessionState = { kind: "signedOut", controller: "", error: null };

  test("needs an address, and sends it without blanks around", async () => {
    show(out);
    await click("Sign in");
    expect(text()).toContain("Type your organisation’s address first.");
    expect(sent()).toEqual([]);
    type("#controller", " https://hourkey.example ");
    await click("Sign in");
    expect(sent()).toEqual([{ do: "signIn", controller: "https://hourkey.example" }]);
  });

  test("says why it failed, and keeps what was typed", () => {
    show(out);
    type("#controller", "https://hourkey.exampel");
    show({ ...out, error: "Nothing answers there." });
    expect(text()).toContain("Nothing answers there.");
    expect(document.querySelector<HTMLInputElement>("#controller")?.value).toBe(
      "https://hourkey.exampel",
    );
  });

  test("can be given up while the browser is open", async () => {
    show({ kind: "signingIn", controller: "https://hourkey.example" });
    await click("Cancel");
    expect(sent()).toEqual([{ do: "cancelSignIn" }]);
  });

  test("signing out forgets what was seen and typed", () => {
    show(LIVE, { view: "resources", value: [payroll] });
    type("[data-search]", "pay");
    show(out);
    expect(text()).not.toContain("Payroll");
    show(LIVE);
    expect(document.querySelector<HTMLInputElement>("[data-search]")?.value).toBe("");
    expect(text()).toContain("You don’t have any resources yet");
  });
});

test("offline says since when and why, and goes on counting", async () => {
  const why = "It cannot be reached.";
  show(
    { kind: "offline", account, since: NOW - 5 * 60_000, why },
    { view: "resources", value: [payroll] },
  );
  expect(text()).toMatch(/Offline since .* \(5 min ago\)\. It cannot be reached\./);
  await pass(120_100);
  expect(text()).toContain("(7 min ago)");
  expect(text()).toContain("Ended");
});

test("a switch turns only when the engine has turned", async () => {
  const settings = {
    startAtLogin: null,
    notifications: true,
    secretStore: "In the keyring.",
    browsers: null,
    localProxy: null,
    version: "0.1.0",
    logFolder: "/logs",
  };
  show(LIVE, { view: "settings", value: settings }, { view: "show", value: "settings" });
  const switches = document.querySelectorAll<HTMLInputElement>("[role=switch]");
  expect(switches).toHaveLength(1); // nothing to start at login here
  engine.refusal = "The settings cannot be written.";
  switches[0]?.click();
  await settle();
  expect(sent()).toEqual([{ do: "setNotifications", on: false }]);
  expect(switches[0]?.checked).toBe(true);
});

test("what came into the inbox is counted at its tab until it is read, and stays marked there", async () => {
  const item = (key: string, kind: InboxKind, unread: boolean): InboxItem => ({
    key,
    kind,
    title: `Notice ${key}`,
    body: "",
    at: NOW,
    action: null,
    actionLabel: null,
    ...(unread ? { unread } : {}),
  });
  const items = (unread: boolean) => [
    item("3", "denied", unread),
    item("2", "review", unread),
    item("1", "ended", false),
  ];
  show(LIVE, { view: "inbox", value: items(true) });
  await settle();
  expect(document.querySelector("#tab-inbox b")?.textContent).toBe("1 new");
  press("2", { ctrlKey: true });
  await settle();
  expect(sent()).toContainEqual({ do: "readInbox" });
  engine.push({ view: "inbox", value: items(false) });
  await settle();
  expect(document.querySelector("#tab-inbox b")).toBeNull();
  const marked = [...document.querySelectorAll(".new")].map((mark) =>
    mark.closest("li")?.textContent.includes("Notice 1"),
  );
  expect(marked).toEqual([false, false]);
});

test("what the system said about a trouble is folded away", () => {
  const raw = "org.freedesktop.DBus.Error.ServiceUnknown";
  const warnings = [
    { id: "keyring", text: "No keyring is running.", remedy: "Start one.", details: raw },
    { id: "tray", text: "This desktop shows no tray.", remedy: "Add one." },
  ];
  engine.push({ view: "session", value: { state: LIVE, now: NOW, warnings } });
  engine.push({ view: "show", value: "settings" });
  const folded = document.querySelectorAll("details");
  expect([...folded].map(({ open }) => open)).toEqual([false]);
  expect(folded[0]?.querySelector("summary")?.textContent).toBe("Details");
  expect(folded[0]?.textContent).toContain(raw);
  folded[0]?.remove();
  expect(text()).not.toContain(raw);
});
