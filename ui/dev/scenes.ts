import type { Command } from "../src/view/Command";
import type { InboxItem } from "../src/view/InboxItem";
import type { Lock } from "../src/view/Lock";
import type { ViewUpdate } from "../src/view/ViewUpdate";
import type { Resource } from "../src/view/Resource";
import type { Review } from "../src/view/Review";
import type { SessionState } from "../src/view/SessionState";
import type { Warning } from "../src/view/Warning";

/** What the engine of a scene pushes, and which commands it refuses. */
export interface Scene {
  updates: () => ViewUpdate[];
  fails?: (command: Command) => string | undefined;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.now();

const account = {
  name: "Ada Park",
  login: "ada",
  organisation: "Northwind Instruments",
  controller: "https://hourkey.northwind.example",
};
const live: SessionState = { kind: "live", account };
const offline: SessionState = {
  kind: "offline",
  account,
  since: NOW - 12 * MINUTE,
  why: "hourkey.northwind.example cannot be reached. Hourkey keeps trying.",
};

let nextId = 1;

function resource(name: string, address: string, lock: Lock, opens = false): Resource {
  const forwards = !opens;
  return {
    id: nextId++,
    name,
    address,
    alias: null,
    keywords: "",
    lock,
    opens,
    forwards,
    forwarded: null,
  };
}

const granted = (total: number, left: number, approved?: string): Lock => ({
  kind: "granted",
  grant: 7,
  startedAt: NOW + left - total,
  expiresAt: NOW + left,
  ...(approved === undefined ? {} : { approved }),
});
const locked = (automatic: boolean, deniedAt: number | null = null): Lock => ({
  kind: "locked",
  automatic,
  unused: false,
  deniedAt,
});

const full: Resource[] = [
  resource(
    "Payroll database",
    "payroll-db.corp:5432",
    granted(45 * MINUTE, 42 * MINUTE, "Approved by Marta Ruiz: “Only the read replica, please.”"),
  ),
  resource("Staging SSH", "staging.corp:22", granted(HOUR, 4 * MINUTE - 20 * SECOND)),
  resource("Build metrics", "metrics.corp", granted(8 * HOUR, 3 * HOUR + 20 * MINUTE), true),
  {
    ...resource("Company wiki", "wiki.corp", { kind: "open", locksAt: null }, true),
    howToUse: "Sign in with the company account",
  },
  resource("Design archive", "archive.corp", { kind: "open", locksAt: NOW + 12 * DAY }, true),
  resource("Billing admin", "billing.corp", {
    kind: "pending",
    request: 3,
    since: NOW - 3 * MINUTE,
    lapsesAt: NOW + DAY,
  }),
  resource("Data centre console", "console.dc1.corp", {
    kind: "scheduled",
    grant: 9,
    startsAt: NOW + 26 * HOUR,
  }),
  {
    ...resource("Grafana", "grafana.corp", locked(false), true),
    alias: "graphs",
    description: "Dashboards of the production sites",
  },
  resource("Release pipeline", "ci.corp", locked(true), true),
  resource("Old ticket system", "tickets.corp", {
    kind: "locked",
    automatic: false,
    unused: false,
    deniedAt: null,
    disabled: true,
  }),
  resource("Customer exports", "exports.corp:443", locked(false, NOW - 10 * MINUTE), true),
  ...[
    "Backup vault",
    "Certificate store",
    "Feature flags",
    "Mail relay",
    "Object storage",
    "Partner gateway",
    "Queue monitor",
    "Root DNS",
    "Search cluster",
    "Ticket archive",
  ].map((name, index) =>
    resource(
      name,
      `${name.toLowerCase().replaceAll(" ", "-")}.corp`,
      locked(index % 3 === 0),
      true,
    ),
  ),
];

const many: Resource[] = Array.from({ length: 10_000 }, (_, index) => ({
  id: 1_000 + index,
  name: `Database ${index + 1}`,
  address: `db-${index + 1}.region-${index % 12}.corp:5432`,
  alias: index % 5 === 0 ? `db${index + 1}` : null,
  keywords: `network-${index % 7} production`,
  lock:
    index % 400 === 0
      ? granted(HOUR, (index / 400 + 1) * MINUTE)
      : index % 911 === 0
        ? { kind: "pending", request: index, since: NOW - index * SECOND, lapsesAt: NOW + DAY }
        : locked(index % 2 === 0),
  opens: index % 2 === 0,
  forwards: index % 2 === 1,
  forwarded: index === 1 ? "127.0.0.1:15432" : null,
}));

const hostile: Resource[] = [
  resource(
    "\u202egnp.exe\u202d Payroll \u2067",
    "\u202emoc.live\u202c.corp",
    granted(HOUR, 50 * SECOND),
  ),
  resource("<img src=x onerror=alert(1)>", "<script>alert(1)</script>", locked(false)),
  resource("x".repeat(500), `${"very-long-label.".repeat(30)}corp:65535`, locked(true), true),
  resource("مرحبا بالعالم", "xn--mgbh0fb.corp", locked(false)),
  resource("Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞", "zalgo.corp", locked(false)),
  resource("Two\nlines\tand a tab", "a\nb.corp", locked(false)),
  resource("", "10.0.0.0/8", locked(false)),
];

const inbox: InboxItem[] = [
  {
    key: "1",
    kind: "approved",
    title: "Payroll database is open",
    body: "Approved by Marta Ruiz for 45 minutes: “Only the read replica, please.”",
    at: NOW - 3 * MINUTE,
    action: { do: "copy", resource: 1 },
    actionLabel: "Copy address",
  },
  {
    key: "2",
    kind: "ending",
    title: "10 minutes left on Staging SSH",
    body: "Access ends at 14:04.",
    at: NOW - 6 * MINUTE,
    action: null,
    actionLabel: null,
  },
  {
    key: "3",
    kind: "denied",
    title: "Request for Customer exports was denied",
    body: "Denied by Jun Sato: “Use the anonymised copy instead.”",
    at: NOW - 10 * MINUTE,
    action: { do: "authenticate", resource: 10 },
    actionLabel: "Request again",
  },
  {
    key: "4",
    kind: "review",
    title: "Lee Novak asks for Customer exports",
    body: "Ticket SUP-4412: customer asked for a copy of their data",
    at: NOW - 21 * MINUTE,
    action: { do: "viewRequest", request: 12 },
    actionLabel: "Review",
  },
  {
    key: "5",
    kind: "revoked",
    title: "Access to Backup vault was revoked",
    body: "Revoked by Marta Ruiz: “The audit is over.”",
    at: NOW - 26 * HOUR,
    action: null,
    actionLabel: null,
  },
  {
    key: "6",
    kind: "ended",
    title: "Mail relay is locked again",
    body: "Access ended at 11:00.",
    at: NOW - 27 * HOUR,
    action: { do: "authenticate", resource: 14 },
    actionLabel: "Request again",
  },
  {
    key: "7",
    kind: "cancelled",
    title: "Request for Root DNS expired",
    body: "Expired: nobody answered.",
    at: NOW - 5 * DAY,
    action: null,
    actionLabel: null,
  },
];

const first: Review = {
  id: 11,
  requester: "Ilse Brandt",
  resource: "Grafana",
  group: "Site reliability",
  reason: "Checking the latency alert from 14:05",
  seconds: 4 * 3_600,
  since: NOW - 3 * MINUTE,
  lapsesAt: NOW + DAY - 3 * MINUTE,
  recentGrants: 6,
  mayDecide: true,
};

const reviews: Review[] = [
  first,
  {
    id: 12,
    requester: "Lee Novak",
    resource: "Customer exports",
    group: "Support",
    reason: "Ticket SUP-4412: customer asked for a copy of their data",
    seconds: 1_800,
    since: NOW - 21 * MINUTE,
    lapsesAt: NOW + 23 * HOUR,
    recentGrants: 0,
    mayDecide: true,
  },
  {
    id: 13,
    requester: "Lee Novak",
    resource: "Data warehouse",
    group: "Support",
    reason: "Back from parental leave",
    seconds: null,
    since: NOW - 40 * MINUTE,
    lapsesAt: NOW + 22 * HOUR,
    recentGrants: 0,
    mayDecide: true,
  },
  {
    id: 3,
    requester: "Ada Park",
    resource: "Billing admin",
    group: "Finance",
    reason: "Month-end closing",
    seconds: 3_600,
    since: NOW - 3 * MINUTE,
    lapsesAt: NOW + DAY,
    recentGrants: 1,
    mayDecide: false,
  },
];

const hostileReviews: Review[] = [
  {
    ...first,
    requester: "\u202eadA\u2067 <b>x</b>",
    resource: "y".repeat(200),
    group: "g".repeat(120),
    reason: `<script>alert(1)</script>\n${"\n".repeat(30)}\u202e${"long words ".repeat(150)}`,
    seconds: 6 * 86_400 + 5 * 3_600 + 31 * 60,
  },
];

const warnings: Warning[] = [
  {
    id: "keyring",
    text: "No keyring answers, so you will have to sign in again after a restart.",
    remedy: "Unlock or install a keyring, for example gnome-keyring.",
    details: "org.freedesktop.DBus.Error.ServiceUnknown: The name is not activatable",
  },
];

interface Contents {
  state: SessionState;
  resources: Resource[];
  inbox?: InboxItem[];
  reviews?: Review[] | null;
  warnings?: Warning[];
  show?: ViewUpdate & { view: "show" };
}

function viewUpdates(contents: Contents): ViewUpdate[] {
  return [
    {
      view: "session",
      value: { state: contents.state, now: Date.now(), warnings: contents.warnings ?? [] },
    },
    { view: "resources", value: contents.resources },
    { view: "inbox", value: contents.inbox ?? inbox },
    { view: "reviews", value: contents.reviews === undefined ? reviews : contents.reviews },
    {
      view: "settings",
      value: {
        startAtLogin: true,
        notifications: true,
        secretStore: "You stay signed in through this computer’s keyring.",
        browsers: true,
        localProxy: {
          proxy: "http://127.0.0.1:8421",
          pac: "http://127.0.0.1:8421/2hVv0wZ8r1xQk3mB5nT7Lg.pac",
        },
        version: "0.1.0",
        logFolder: "/home/ada/.local/state/hourkey/logs",
      },
    },
    ...(contents.show === undefined ? [] : [contents.show]),
  ];
}

const controller = account.controller;

/** Every scene by name. */
export const scenes: Record<string, Scene | undefined> = {
  full: { updates: () => viewUpdates({ state: live, resources: full }) },
  member: { updates: () => viewUpdates({ state: live, resources: full, reviews: null }) },
  many: { updates: () => viewUpdates({ state: live, resources: many }) },
  empty: { updates: () => viewUpdates({ state: live, resources: [], inbox: [], reviews: [] }) },
  offline: { updates: () => viewUpdates({ state: offline, resources: full, warnings }) },
  hostile: {
    updates: () => viewUpdates({ state: live, resources: hostile, reviews: hostileReviews }),
  },
  loading: {
    updates: () => viewUpdates({ state: { kind: "loading", controller }, resources: [] }),
  },
  stuck: {
    updates: () =>
      viewUpdates({
        state: { kind: "loading", controller },
        resources: [],
        warnings: [
          {
            id: "controller",
            text: "hourkey.northwind.example cannot be reached.",
            remedy: "Hourkey keeps trying.",
          },
        ],
      }),
  },
  signedout: {
    updates: () =>
      viewUpdates({ state: { kind: "signedOut", controller: "", error: null }, resources: [] }),
  },
  signinfailed: {
    updates: () =>
      viewUpdates({
        state: {
          kind: "signedOut",
          controller,
          error:
            "hourkey.northwind.example does not answer. Check the address and your connection, then try again.",
        },
        resources: [],
        warnings,
      }),
  },
  signingin: {
    updates: () => viewUpdates({ state: { kind: "signingIn", controller }, resources: [] }),
  },
  refusing: {
    updates: () => viewUpdates({ state: live, resources: full }),
    fails: (command) =>
      command.do === "load"
        ? undefined
        : "Marta Ruiz has already denied this request. Nothing was changed.",
  },
  dead: {
    updates: () => [],
    fails: () => "The engine has stopped. Quit Hourkey from its tray menu and start it again.",
  },
};
