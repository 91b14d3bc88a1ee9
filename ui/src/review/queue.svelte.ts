/* eslint-disable svelte/prefer-svelte-reactivity -- the plain maps and sets are never drawn */
import { SvelteMap, SvelteSet } from "svelte/reactivity";
import type { Tone } from "../resources/lock";
import type { Command } from "../view/Command";
import type { Review } from "../view/Review";
import { approved, OUTCOMES, plain } from "../wording";
import type { Unit } from "./lengths";

/** What a reviewer has typed about a request but not sent. */
export interface Draft {
  /** Which in-place form is open. */
  form: "none" | "shorter" | "deny" | "comment";
  comment: string;
  /** The shorter length chosen in seconds, or `other` for the typed one. */
  choice: number | "other" | null;
  amount: string;
  unit: Unit;
}

/** The commands that decide a request. */
export type Decision = Extract<Command, { do: "approve" | "deny" }>;

/** How a request on screen ended. */
export interface Outcome {
  /** `Approved for 2 hours`, `Unlocked`, `Denied`, `Rosa approved it for 2 hours.`, `Expired`. */
  words: string;
  tone: Tone;
  /** The comment that went with this person's decision. */
  comment: string;
  /** When it was decided, by the page's monotonic clock. */
  at: number;
}

/** One request on screen. */
export interface Card {
  review: Review;
  /** Absent while it waits. */
  outcome: Outcome | null;
}

const EMPTY_DRAFT: Draft = { form: "none", comment: "", choice: null, amount: "", unit: "hours" };

const NOT_SHOWN = () => false;

/** Milliseconds for which buttons that moved or have just appeared do nothing. */
export const SETTLE_TIME = 700;
/** Milliseconds for which a decided card stays at least. */
export const FOLD_AFTER = 3_000;
/** Milliseconds for which the pointer or the focus may leave the list without moving anything. */
export const LEAVE_DELAY = 1_000;

/**
 * The review queue as it stands on screen. It differs from what the engine pushes, because nothing
 * may slide under the pointer between two clicks: a decided card stays in its place while the list
 * is in use, new requests go to the end meanwhile, and buttons that moved are inert for a moment.
 */
export class ReviewQueue {
  cards = $state.raw<Card[]>([]);
  /** Drafts by request id. They live here so that no push and no change of tab loses them. */
  drafts = $state<Record<number, Draft>>({});
  /** What changed last, for screen readers. */
  news = $state("");
  readonly #send: (command: Command) => Promise<boolean>;
  readonly #serverNow: () => number;
  readonly #became: (request: number) => string | undefined;
  #pushed: Review[] | null = null;
  readonly #outcomes = new Map<number, Outcome>();
  readonly #deciding = new SvelteSet<number>();
  /** What stands in each card and above it, and thereby where its buttons are. */
  #places = new Map<number, string>();
  /** Until when the buttons of a card are inert, by the page's monotonic clock. */
  readonly #settlesAt = new SvelteMap<number, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #inUse = NOT_SHOWN;

  constructor(
    send: (command: Command) => Promise<boolean>,
    serverNow: () => number,
    /** What became of a request that left the queue, where it is known. */
    became: (request: number) => string | undefined,
  ) {
    this.#send = send;
    this.#serverNow = serverNow;
    this.#became = became;
  }

  /** Takes the requests that wait, as the engine pushed them. */
  receive(pushed: Review[]): void {
    const before = new Set(this.#pushed?.map(({ id }) => id));
    const arrived = pushed.filter(({ id }) => !before.has(id));
    // A request may come back: its reviewer lost the role before the scheduled start, say.
    for (const { id } of arrived) this.#outcomes.delete(id);
    const asked = arrived.filter(({ mayDecide }) => mayDecide);
    if (this.#pushed !== null && asked[0] !== undefined)
      this.news = asked.length === 1 ? title(asked[0]) : `${asked.length} new requests`;
    this.#pushed = pushed;
    this.#arrange();
  }

  /** Forgets everything: another person may sign in next. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#pushed = null;
    this.#outcomes.clear();
    this.#places.clear();
    this.#settlesAt.clear();
    this.cards = [];
    this.drafts = {};
    this.news = "";
  }

  /**
   * The list is shown; `inUse` tells whether the pointer or the focus is in it. Returns the way to
   * say that it is shown no more.
   */
  show(inUse: () => boolean): () => void {
    this.#inUse = inUse;
    return () => {
      this.#inUse = NOT_SHOWN;
      this.#places.clear();
      this.leave();
    };
  }

  /** What has been typed about a request so far. */
  draft(request: number): Draft {
    return this.drafts[request] ?? EMPTY_DRAFT;
  }

  /** Takes what is typed about a request. */
  change(request: number, part: Partial<Draft>): void {
    this.drafts[request] = { ...this.draft(request), ...part };
  }

  /** Tells whether a decision about this request is on its way. */
  isDeciding(request: number): boolean {
    return this.#deciding.has(request);
  }

  /** Tells whether the buttons of this request are inert: they moved a moment ago. */
  isSettling(request: number): boolean {
    return this.#settlesAt.has(request);
  }

  /** Decides a request, once. On failure its draft stays as it is. */
  async decide(review: Review, command: Decision): Promise<void> {
    const { id } = review;
    if (this.#deciding.has(id) || this.#outcomes.has(id)) return;
    this.#deciding.add(id);
    const done = await this.#send(command);
    this.#deciding.delete(id);
    if (done) {
      const outcome = outcomeOf(review, command);
      this.#outcomes.set(id, outcome);
      this.drafts[id] = EMPTY_DRAFT;
      this.news = `${outcome.words}: ${subject(review)}`;
    }
    this.#arrange();
  }

  /** Closes a card that stayed only because something is typed there. */
  dismiss(request: number): void {
    this.drafts[request] = EMPTY_DRAFT;
    this.#arrangeIn(LEAVE_DELAY);
  }

  /** The pointer or the focus has left the list. What is decided folds away unless it returns. */
  leave(): void {
    this.#arrangeIn(LEAVE_DELAY);
  }

  /** Notes what stands in each card and above it; where that changed, its buttons are inert. */
  place(above: string): void {
    const places = new Map<number, string>();
    let place = above;
    for (const { review, outcome } of this.cards) {
      const before = this.#places.get(review.id);
      const { form, choice } = this.draft(review.id);
      const shape = `${review.id} ${form} ${choice === "other" ? "other" : ""}`;
      // A decided card keeps its height, so that what is below it stays where it is.
      place += `\n${(outcome === null ? null : before?.split("\n").at(-1)) ?? shape}`;
      places.set(review.id, place);
      if (before !== place) this.#settlesAt.set(review.id, performance.now() + SETTLE_TIME);
    }
    this.#places = places;
    setTimeout(() => {
      for (const [id, at] of this.#settlesAt)
        if (at <= performance.now()) this.#settlesAt.delete(id);
    }, SETTLE_TIME);
  }

  #arrangeIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#arrange();
    }, ms);
  }

  #arrange(): void {
    const inUse = this.#inUse();
    const now = performance.now();
    const pushed = this.#pushed ?? [];
    const waiting = new Map(pushed.map((review) => [review.id, review]));
    const cards: Card[] = inUse ? [] : pushed.map((review) => this.#card(review));
    let foldsAt = Infinity;
    for (const [index, { review: before }] of this.cards.entries()) {
      const { id } = before;
      const review = waiting.get(id);
      if (review !== undefined) {
        if (inUse) cards.push(this.#card(review));
        continue;
      }
      if (!this.#deciding.has(id) && !this.#outcomes.has(id))
        this.#outcomes.set(id, this.#gone(before));
      const card = this.#card(before);
      const ends = card.outcome === null ? Infinity : card.outcome.at + FOLD_AFTER;
      if (inUse || this.#deciding.has(id) || this.draft(id).form !== "none" || ends > now)
        cards.splice(Math.min(index, cards.length), 0, card);
      if (ends > now) foldsAt = Math.min(foldsAt, ends);
    }
    if (inUse) {
      const old = new Set(cards.map(({ review }) => review.id));
      for (const review of pushed) if (!old.has(review.id)) cards.push(this.#card(review));
    }
    this.cards = cards;
    const shown = new Set(cards.map(({ review }) => review.id));
    for (const id of this.#outcomes.keys()) if (!shown.has(id)) this.#outcomes.delete(id);
    clearTimeout(this.#timer);
    if (!inUse && foldsAt !== Infinity) this.#arrangeIn(foldsAt - now);
  }

  #card(review: Review): Card {
    return { review, outcome: this.#outcomes.get(review.id) ?? null };
  }

  /** How a request ended that this person did not decide. Nobody looks, so it may go at once. */
  #gone({ id, lapsesAt }: Review): Outcome {
    const over = lapsesAt <= this.#serverNow() ? "expired" : "unknown";
    const words = this.#became(id) ?? OUTCOMES[over];
    return { words, tone: "muted", comment: "", at: -FOLD_AFTER };
  }
}

/** Whose request for what, for the names of buttons and for announcements. */
export function subject(review: Review): string {
  return `${plain(review.requester)}, ${plain(review.resource)}`;
}

/** The request in one sentence. */
export function title(review: Review): string {
  return `${plain(review.requester)} asks for ${plain(review.resource)}`;
}

function outcomeOf(review: Review, command: Decision): Outcome {
  const at = performance.now();
  const { comment } = command;
  const principal = review.onBehalfOf === undefined ? "" : `, for ${plain(review.onBehalfOf)}`;
  if (command.do === "deny")
    return { words: OUTCOMES.denied + principal, tone: "stop", comment, at };
  const seconds = command.seconds ?? review.seconds;
  return { words: approved(seconds) + principal, tone: "open", comment, at };
}
