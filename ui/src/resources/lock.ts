import type { Command } from "../view/Command";
import type { Lock } from "../view/Lock";
import type { Resource } from "../view/Resource";
import { ago, agoChangesAt, count, left, leftChangesAt, moment, OUTCOMES, plain } from "../wording";

/** A lock state as shown: the engine's, or `ended` where its deadline has passed meanwhile. */
export type Shown = Lock | { kind: "ended" };

/** The sections of the resources tab, in their order. */
export type Section = "Open" | "Waiting" | "Locked";

/** Which colour token a state takes. */
export type Tone = "open" | "soon" | "wait" | "stop" | "muted";

/** Something that a person can do with a resource. */
export interface Action {
  label: string;
  command: Command;
  /** What the second, confirming click says; absent where one click does it. */
  confirm?: string;
}

/** A grant is ending soon from here on, as the first notice says. */
const SOON = 10 * 60_000;

/** What is shown of a lock: nothing is open past its deadline, even if no news have arrived. */
export function shown(lock: Lock, now: number): Shown {
  switch (lock.kind) {
    case "granted":
      return lock.expiresAt <= now ? { kind: "ended" } : lock;
    case "open":
      return lock.locksAt !== null && lock.locksAt <= now ? { kind: "ended" } : lock;
    case "pending":
      return lock.lapsesAt <= now ? { kind: "ended" } : lock;
    case "scheduled":
    case "locked":
      return lock;
  }
}

/** Which section a lock state belongs to. */
export function sectionOf(lock: Shown): Section {
  switch (lock.kind) {
    case "open":
    case "granted":
      return "Open";
    case "scheduled":
    case "pending":
      return "Waiting";
    case "locked":
    case "ended":
      return "Locked";
  }
}

/** The address as shown, with the alias in front of it. */
export function addressOf({ alias, address }: Resource): string {
  return plain(alias === null ? address : `${alias} · ${address}`);
}

/** An address in two: what gives way where there is no room, and its end with the port, which stays. */
export function cutInTheMiddle(address: string): [string, string] {
  const ports = /:[\d,-]+$/.exec(address)?.[0].length ?? 0;
  const kept = Math.min(Math.max(ports, 4), 20);
  return [address.slice(0, -kept), address.slice(-kept)];
}

/** The state in words. */
export function words(lock: Shown, now: number): string {
  switch (lock.kind) {
    case "open":
      return lock.locksAt === null ? "Always open" : `Locks in ${left(lock.locksAt, now)}`;
    case "granted":
      return lock.extension === undefined
        ? `${left(lock.expiresAt, now)} left`
        : `${left(lock.expiresAt, now)} left, more requested`;
    case "scheduled":
      return lock.startsAt <= now ? "Starting" : `Starts ${moment(lock.startsAt, now)}`;
    case "pending":
      return `Requested ${ago(lock.since, now)}`;
    case "locked":
      if (lock.disabled) return "Disabled";
      if (lock.decision !== undefined)
        return `${OUTCOMES[lock.decision.revoked ? "revoked" : "denied"]} ${ago(lock.decision.at, now)}`;
      if (lock.deniedAt !== null) return `${OUTCOMES.denied} ${ago(lock.deniedAt, now)}`;
      if (lock.unused) return "Locked because unused";
      return lock.automatic ? "Opens immediately" : "Needs approval";
    case "ended":
      return "Ended";
  }
}

/** A row's lines below its name: what the resource is, or how to use it, and {@link notes}. */
export function lines({ description, howToUse }: Resource, lock: Shown, now: number): string[] {
  const decided = lock.kind === "locked" && lock.disabled ? [] : notes(lock, now);
  if (sectionOf(lock) === "Open")
    return howToUse === undefined ? decided : [...decided, plain(`How to use it: ${howToUse}`)];
  return description === undefined ? decided : [plain(description), ...decided];
}

/** What more there is to say about a state, a line for each: who decided, and why. */
export function notes(lock: Shown, now: number): string[] {
  if (lock.kind === "granted" || lock.kind === "scheduled")
    return lock.approved === undefined ? [] : [plain(lock.approved)];
  if (lock.kind !== "locked" || lock.decision === undefined) return [];
  const { sentence, automaticAt } = lock.decision;
  const again =
    automaticAt !== null && automaticAt > now
      ? [`Opens with a reason again from ${moment(automaticAt, now)}`]
      : [];
  return [plain(sentence), ...again];
}

/** The state's colour. */
export function tone(lock: Shown, now: number): Tone {
  switch (lock.kind) {
    case "open":
      return "open";
    case "granted":
      return lock.expiresAt - now <= SOON ? "soon" : "open";
    case "scheduled":
    case "pending":
      return "wait";
    case "locked":
      return isRefused(lock) && !lock.disabled ? "stop" : "muted";
    case "ended":
      return "muted";
  }
}

/** How much of a grant's time is left, from 1 down to 0; nothing for other states. */
export function fractionLeft(lock: Shown, now: number): number | null {
  if (lock.kind !== "granted") return null;
  const whole = Math.max(lock.expiresAt - lock.startedAt, 1);
  return Math.min(Math.max((lock.expiresAt - now) / whole, 0), 1);
}

/** When words, colour or section of a lock next change without news; `Infinity` if never. */
export function changesAt(lock: Lock, now: number): number {
  switch (lock.kind) {
    case "open":
      return lock.locksAt === null ? Infinity : leftChangesAt(lock.locksAt, now);
    case "granted":
      return leftChangesAt(lock.expiresAt, now);
    case "scheduled":
      return lock.startsAt > now ? lock.startsAt : Infinity;
    case "pending":
      return lock.lapsesAt <= now
        ? Infinity
        : Math.min(agoChangesAt(lock.since, now), lock.lapsesAt);
    case "locked":
      return isRefused(lock)
        ? Math.min(
            agoChangesAt(lock.decision?.at ?? lock.deniedAt ?? now, now),
            opensAgainAt(lock, now),
          )
        : Infinity;
  }
}

/** What Enter and the row's button do. */
export function primaryAction(resource: Resource, lock: Shown): Action {
  switch (lock.kind) {
    case "open":
    case "granted":
      return resource.opens ? open(resource) : copy(resource, "Copy");
    case "scheduled":
      return copy(resource, "Copy");
    case "pending":
      return { label: "View", command: { do: "viewRequest", request: lock.request } };
    case "locked":
      if (lock.disabled) return copy(resource, "Copy");
      return authenticate(
        resource,
        isRefused(lock) && lock.decision?.revoked !== true ? "Request again" : "Authenticate",
      );
    case "ended":
      return authenticate(resource, "Authenticate");
  }
}

/** The remaining actions, for the row's menu. */
export function moreActions(resource: Resource, lock: Shown): Action[] {
  switch (lock.kind) {
    case "open":
      return [
        ...(resource.opens ? [copy(resource, "Copy address")] : []),
        ...forward(resource),
        ...howToUse(resource),
      ];
    case "granted":
      return [
        ...(resource.opens ? [copy(resource, "Copy address")] : []),
        ...forward(resource),
        ...howToUse(resource),
        lock.extension === undefined
          ? { label: "Extend…", command: { do: "extend", resource: resource.id } }
          : {
              label: "View request to extend",
              command: { do: "viewRequest", request: lock.extension },
            },
        {
          label: "Give back",
          confirm: "Click again to give back",
          command: { do: "release", grant: lock.grant },
        },
      ];
    case "scheduled":
      return [
        {
          label: "Give back",
          confirm: "Click again to give back",
          command: { do: "release", grant: lock.grant },
        },
      ];
    case "pending":
      return [
        copy(resource, "Copy address"),
        { label: "Cancel request", command: { do: "cancel", request: lock.request } },
      ];
    case "locked":
      return lock.disabled ? [] : [copy(resource, "Copy address")];
    case "ended":
      return [copy(resource, "Copy address")];
  }
}

/** The page that says in full how it is used. */
function howToUse(resource: Resource): Action[] {
  if (resource.howToUse === undefined) return [];
  return [{ label: "How to use it…", command: { do: "authenticate", resource: resource.id } }];
}

/** When a reason opens it again, if that is to come. */
function opensAgainAt({ decision }: Extract<Lock, { kind: "locked" }>, now: number): number {
  const at = decision?.automaticAt ?? null;
  return at !== null && at > now ? at : Infinity;
}

/** Something was decided against the person lately. */
function isRefused(lock: Extract<Lock, { kind: "locked" }>): boolean {
  return lock.deniedAt !== null || lock.decision !== undefined;
}

function authenticate(resource: Resource, label: string): Action {
  return { label, command: { do: "authenticate", resource: resource.id } };
}

function open(resource: Resource): Action {
  return { label: "Open", command: { do: "open", resource: resource.id } };
}

/** Where apps on this computer reach what is no web page. */
function forward(resource: Resource): Action[] {
  if (!resource.forwards) return [];
  const label =
    resource.forwarded === null ? "Forward to this computer" : `Copy ${resource.forwarded}`;
  return [{ label, command: { do: "forward", resource: resource.id } }];
}

function copy(resource: Resource, label: string): Action {
  return { label, command: { do: "copy", resource: resource.id } };
}

/** What changed between two pushes, in words for screen readers; empty where no state did. */
export function changes(before: Resource[], after: Resource[], now: number): string {
  const kinds = new Map(before.map(({ id, lock }) => [id, shown(lock, now).kind]));
  const changed = after.filter(({ id, lock }) => {
    const kind = kinds.get(id);
    return kind !== undefined && kind !== shown(lock, now).kind;
  });
  if (changed.length > 3) return `${count(changed.length, "resource")} changed`;
  return changed
    .map(({ name, lock }) => `${plain(name)}: ${words(shown(lock, now), now)}`)
    .join(". ");
}
