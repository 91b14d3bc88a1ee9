import { describe, expect, test } from "vitest";
import type { Lock } from "../view/Lock";
import {
  notes,
  changesAt,
  lines,
  cutInTheMiddle,
  fractionLeft,
  moreActions,
  primaryAction,
  sectionOf,
  shown,
  tone,
  words,
} from "./lock";
import { granted, LOCKED, OPEN, pending, resource } from "./samples";

const MIN = 60_000;
const NOW = new Date(2030, 4, 15, 12, 0, 0).getTime();
const scheduled: Lock = { kind: "scheduled", grant: 71, startsAt: NOW + 60 * MIN };

function seen(lock: Lock, now = NOW) {
  const effective = shown(lock, now);
  return [sectionOf(effective), words(effective, now), tone(effective, now)];
}

test("every state has its section, words and colour", () => {
  expect(seen(OPEN)).toEqual(["Open", "Always open", "open"]);
  expect(seen({ kind: "open", locksAt: NOW + 36 * 60 * MIN })).toEqual([
    "Open",
    "Locks in 1 d 12 h",
    "open",
  ]);
  expect(seen(granted(NOW, NOW + 42 * MIN))).toEqual(["Open", "42 min left", "open"]);
  expect(seen(granted(NOW, NOW + 10 * MIN))).toEqual(["Open", "10 min left", "soon"]);
  expect(seen(scheduled)[0]).toBe("Waiting");
  expect(seen(scheduled)[1]).toMatch(/^Starts \d/);
  expect(seen(pending(NOW - 3 * MIN, NOW + MIN))).toEqual([
    "Waiting",
    "Requested 3 min ago",
    "wait",
  ]);
  expect(seen(LOCKED)).toEqual(["Locked", "Needs approval", "muted"]);
  expect(seen({ kind: "locked", automatic: true, unused: false, deniedAt: null })[1]).toBe(
    "Opens immediately",
  );
  expect(seen({ kind: "locked", automatic: false, unused: true, deniedAt: null })[1]).toBe(
    "Locked because unused",
  );
  expect(
    seen({ kind: "locked", automatic: true, unused: false, deniedAt: NOW - 10 * MIN }),
  ).toEqual(["Locked", "Denied 10 min ago", "stop"]);
});

test("at the very deadline the ending wins", () => {
  for (const lock of [
    granted(NOW - MIN, NOW),
    pending(NOW - MIN, NOW),
    { kind: "open", locksAt: NOW } satisfies Lock,
  ]) {
    expect(seen(lock)).toEqual(["Locked", "Ended", "muted"]);
    expect(seen(lock, NOW - 1)[0]).not.toBe("Locked");
  }
});

test("the ring shows what is left of the whole", () => {
  expect(fractionLeft(granted(NOW - 15 * MIN, NOW + 45 * MIN), NOW)).toBeCloseTo(0.75);
  expect(fractionLeft(granted(NOW, NOW), NOW)).toBe(0);
  expect(fractionLeft(OPEN, NOW)).toBeNull();
});

test("states say when they change by themselves", () => {
  expect(changesAt(OPEN, NOW)).toBe(Infinity);
  expect(changesAt(LOCKED, NOW)).toBe(Infinity);
  expect(changesAt(granted(NOW, NOW + 42 * MIN), NOW)).toBe(NOW + MIN);
  expect(changesAt(granted(NOW, NOW + 30_500), NOW)).toBe(NOW + 500);
  expect(changesAt(granted(NOW - MIN, NOW), NOW)).toBe(Infinity);
  expect(changesAt(scheduled, NOW)).toBe(NOW + 60 * MIN);
  expect(changesAt(pending(NOW - 90_000, NOW + 10_000), NOW)).toBe(NOW + 10_000);
});

describe("actions", () => {
  const web = (lock: Lock) => resource(5, "Grafana", { lock, opens: true });
  const other = (lock: Lock) => resource(6, "Staging", { lock });
  const all = (row: ReturnType<typeof web>) => {
    const lock = shown(row.lock, NOW);
    return [primaryAction(row, lock), ...moreActions(row, lock)].map(({ label, command }) => [
      label,
      command,
    ]);
  };

  test("of what is open", () => {
    expect(all(web(OPEN))).toEqual([
      ["Open", { do: "open", resource: 5 }],
      ["Copy address", { do: "copy", resource: 5 }],
    ]);
    expect(all(other(OPEN))).toEqual([["Copy", { do: "copy", resource: 6 }]]);
    expect(all(other(granted(NOW, NOW + MIN)))).toEqual([
      ["Copy", { do: "copy", resource: 6 }],
      ["Extend…", { do: "extend", resource: 6 }],
      ["Give back", { do: "release", grant: 70 }],
    ]);
  });

  test("of what waits for more time", () => {
    const expiresAt = NOW + 9 * MIN;
    const waits: Lock = { kind: "granted", grant: 70, startedAt: NOW, expiresAt, extension: 31 };
    expect(seen(waits)).toEqual(["Open", "9 min left, more requested", "soon"]);
    expect(all(web(waits))).toEqual([
      ["Open", { do: "open", resource: 5 }],
      ["Copy address", { do: "copy", resource: 5 }],
      ["View request to extend", { do: "viewRequest", request: 31 }],
      ["Give back", { do: "release", grant: 70 }],
    ]);
  });

  test("of what apps on this computer can be led to", () => {
    const forward = (forwarded: string | null) =>
      all(resource(7, "Payroll database", { lock: OPEN, forwards: true, forwarded }))[1];
    const command = { do: "forward", resource: 7 };
    expect(forward(null)).toEqual(["Forward to this computer", command]);
    expect(forward("127.0.0.1:15432")).toEqual(["Copy 127.0.0.1:15432", command]);
  });

  test("of what waits", () => {
    expect(all(web(pending(NOW, NOW + MIN)))).toEqual([
      ["View", { do: "viewRequest", request: 30 }],
      ["Copy address", { do: "copy", resource: 5 }],
      ["Cancel request", { do: "cancel", request: 30 }],
    ]);
    expect(all(web(scheduled))).toEqual([
      ["Copy", { do: "copy", resource: 5 }],
      ["Give back", { do: "release", grant: 71 }],
    ]);
  });

  test("of what is locked", () => {
    const rest = [["Copy address", { do: "copy", resource: 5 }]];
    const ask = { do: "authenticate", resource: 5 };
    expect(all(web(LOCKED))).toEqual([["Authenticate", ask], ...rest]);
    expect(all(web({ kind: "locked", automatic: false, unused: false, deniedAt: NOW }))).toEqual([
      ["Request again", ask],
      ...rest,
    ]);
    expect(all(web(granted(NOW - MIN, NOW)))).toEqual([["Authenticate", ask], ...rest]);
  });

  test("only giving back asks twice", () => {
    for (const lock of [OPEN, LOCKED, scheduled, granted(NOW, NOW + MIN), pending(NOW, NOW + 1)]) {
      for (const action of moreActions(web(lock), lock)) {
        expect(action.confirm !== undefined).toBe(action.command.do === "release");
      }
    }
  });
});

test("what was decided against the person stands in the row, with when and what now", () => {
  const decision = {
    revoked: true,
    at: NOW - 60_000,
    sentence: "Revoked by Rosa.",
    automaticAt: null,
  };
  const locked: Lock = {
    kind: "locked",
    automatic: false,
    unused: false,
    deniedAt: null,
    decision,
  };
  expect(words(locked, NOW)).toBe("Revoked 1 min ago");
  expect(tone(locked, NOW)).toBe("stop");
  expect(notes(locked, NOW)).toEqual(["Revoked by Rosa."]);
  const later = { ...locked, decision: { ...decision, automaticAt: NOW + 3_600_000 } };
  expect(notes(later, NOW)[1]).toMatch(/^Opens with a reason again from /);
  expect(notes(later, NOW + 3_600_000)).toEqual(["Revoked by Rosa."]);
  const soon = { ...later, decision: { ...later.decision, automaticAt: NOW + 9 } };
  expect(changesAt(soon, NOW)).toBe(NOW + 9);
  const denied = { ...locked, deniedAt: NOW, decision: { ...decision, revoked: false } };
  expect(primaryAction(resource(1, "Payroll database", {}), denied).label).toBe("Request again");
  expect(primaryAction(resource(1, "Payroll database", {}), locked).label).toBe("Authenticate");
});

test("who approved what is held stands in the row", () => {
  const sentence = "Approved by Rosa: “Only the replica.”";
  expect(notes({ ...granted(NOW, NOW + MIN), approved: sentence } as Lock, NOW)).toEqual([
    sentence,
  ]);
  expect(notes({ ...scheduled, approved: sentence }, NOW)).toEqual([sentence]);
  expect(notes(granted(NOW, NOW + MIN), NOW)).toEqual([]);
});

test.each([
  ["reporting.eu.db.corp.example:5432", "reporting.eu.db.corp.example", ":5432"],
  ["10.1.40.0/24:631,9100", "10.1.40.0/24", ":631,9100"],
  ["wiki.corp", "wiki.", "corp"],
  ["a.b", "", "a.b"],
])("where there is no room for %s, its end with the port stays", (address, start, end) => {
  expect(cutInTheMiddle(address)).toEqual([start, end]);
});

test("what is disabled says so, and can be neither used nor asked for", () => {
  const disabled: Lock = {
    kind: "locked",
    automatic: false,
    unused: false,
    deniedAt: NOW - 10 * MIN,
    disabled: true,
  };
  expect(seen(disabled)).toEqual(["Locked", "Disabled", "muted"]);
  const wiki = resource(5, "Wiki", { lock: disabled, opens: true, description: "Notes" });
  expect(primaryAction(wiki, disabled).command).toEqual({ do: "copy", resource: 5 });
  expect(moreActions(wiki, disabled)).toEqual([]);
  expect(lines(wiki, disabled, NOW)).toEqual(["Notes"]);
});

test("a row says what a resource is before, and how to use it once it is open", () => {
  const told = { description: "All\norders", howToUse: "psql -h db\nor ask" };
  const of = (lock: Lock) => lines(resource(5, "Orders", { lock, ...told }), lock, NOW);
  expect(of(LOCKED)).toEqual(["All orders"]);
  expect(of(pending(NOW, NOW + MIN))).toEqual(["All orders"]);
  expect(of(OPEN)).toEqual(["How to use it: psql -h db or ask"]);
  const open = resource(5, "Orders", { lock: OPEN, ...told });
  expect(moreActions(open, OPEN).at(-1)).toEqual({
    label: "How to use it…",
    command: { do: "authenticate", resource: 5 },
  });
  expect(lines(resource(6, "Wiki"), OPEN, NOW)).toEqual([]);
});

test.each([
  [30, "30 days left"],
  [365, "365 days left"],
])("a grant of %i days counts down in days", (days, said) => {
  const end = NOW + days * 1_440 * MIN;
  expect(seen(granted(NOW, end))).toEqual(["Open", said, "open"]);
  // The words change within a day, and then once a day.
  expect(changesAt(granted(NOW, end), NOW)).toBe(NOW + MIN);
  expect(changesAt(granted(NOW, end), NOW + MIN)).toBe(NOW + 1_440 * MIN + MIN);
});
