import type { Lock } from "../view/Lock";
import type { Resource } from "../view/Resource";

/** Lock states for tests. */
export const LOCKED: Lock = { kind: "locked", automatic: false, unused: false, deniedAt: null };
export const OPEN: Lock = { kind: "open", locksAt: null };

/** A grant that runs from `startedAt` to `expiresAt`. */
export function granted(startedAt: number, expiresAt: number): Lock {
  return { kind: "granted", grant: 70, startedAt, expiresAt };
}

/** A request asked at `since` that lapses at `lapsesAt`. */
export function pending(since: number, lapsesAt: number): Lock {
  return { kind: "pending", request: 30, since, lapsesAt };
}

/** A resource of the given name. */
export function resource(id: number, name: string, more: Partial<Resource> = {}): Resource {
  const address = `${name.toLowerCase().replaceAll(" ", "-")}.corp`;
  return {
    id,
    name,
    address,
    alias: null,
    keywords: "",
    lock: LOCKED,
    opens: false,
    forwards: false,
    forwarded: null,
    ...more,
  };
}
