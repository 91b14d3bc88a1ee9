/* eslint-disable svelte/prefer-svelte-reactivity -- the plain maps and sets are never drawn */
import { SvelteMap, SvelteSet } from "svelte/reactivity";
import type { Tone } from "../resources/lock";
import type { Command } from "../view/Command";
import type { Review } from "../view/Review";
import { approved, moment, OUTCOMES, plain } from "../wording";
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
  /** The name of whom this person decided for, as it is shown; empty in their own right. */
  principal: string;
  tone: Tone;
  /** The comment that went with this person's decision. */
  comment: string;
  /** When it was decided, or no later, by the page's monotonic clock. */
  at: number;
  /** True for this person's own decision, which they may take back once. */
  own: boolean;
}

/** One request on screen. */
export interface Card {
  review: Review;
  /** Absent while it waits. */
  outcome: Outcome | null;
  /** True while this person may take back what they decided. */
  mayUndo: boolean;
}

const EMPTY_DRAFT: Draft = { form: "none", comment: "", choice: null, amount: "", unit: "hours" };

const NOT_SHOWN = () => false;

/** Milliseconds for which buttons that moved or have just appeared do nothing. */
export const SETTLE_TIME = 700;
/**
 * Milliseconds from a decision within which the server lets its maker take it back (rule 12), and for
 * which its card stays at least.
 */
export const UNDO_TIME = 10_000;
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
    // The server decides after this, so that its time to undo never ends before the button goes.
    const at = performance.now();
    const done = await this.#send(command);
    this.#deciding.delete(id);
    if (done) {
      const outcome = this.#outcomeOf(review, command, at);
      this.#outcomes.set(id, outcome);
      // A second click is not one on Undo, which has just appeared.
      this.#settle([id]);
      this.drafts[id] = EMPTY_DRAFT;
      this.news = `${spoken(outcome)}: ${subject(review)}`;
    }
    this.#arrange();
  }

  /** Takes this person's own decision back, once. On failure it may be tried again. */
  async undo(review: Review): Promise<void> {
    const { id } = review;
    const decided = this.#outcomes.get(id);
    if (decided === undefined || !mayUndo(decided) || this.#deciding.has(id)) return;
    this.#deciding.add(id);
    const done = await this.#send({ do: "undo", request: id });
    this.#deciding.delete(id);
    if (done) {
      const words = "Taken back";
      this.news = `${words}: ${subject(review)}`;
      // A vote that is taken back leaves a request that waits; another decision, one that is over.
      if (this.#pushed?.some((waits) => waits.id === id) === true) this.#outcomes.delete(id);
      else this.#outcomes.set(id, over(words, performance.now()));
      this.#settle([id]);
    }
    this.#arrange();
  }

  /** The latest decision on screen that this person may take back. */
  lastUndoable(): Card | undefined {
    const undoable = this.cards.filter(
      ({ review, mayUndo }) =>
        mayUndo && !this.isDeciding(review.id) && !this.isSettling(review.id),
    );
    return undoable.sort((a, b) => (a.outcome?.at ?? 0) - (b.outcome?.at ?? 0)).at(-1);
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
    const moved: number[] = [];
    let place = above;
    for (const { review, outcome } of this.cards) {
      const before = this.#places.get(review.id);
      const { form, choice } = this.draft(review.id);
      const shape = `${review.id} ${form} ${choice === "other" ? "other" : ""}`;
      // A decided card keeps its height, so that what is below it stays where it is.
      place += `\n${(outcome === null ? null : before?.split("\n").at(-1)) ?? shape}`;
      places.set(review.id, place);
      if (before !== place) moved.push(review.id);
    }
    this.#places = places;
    this.#settle(moved);
  }

  /** Makes the buttons of these requests inert for a moment. */
  #settle(requests: number[]): void {
    for (const id of requests) this.#settlesAt.set(id, performance.now() + SETTLE_TIME);
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
      const stays = card.outcome === null || card.outcome.at + UNDO_TIME > now;
      if (inUse || this.#deciding.has(id) || this.draft(id).form !== "none" || stays)
        cards.splice(Math.min(index, cards.length), 0, card);
    }
    if (inUse) {
      const old = new Set(cards.map(({ review }) => review.id));
      for (const review of pushed) if (!old.has(review.id)) cards.push(this.#card(review));
    }
    this.cards = cards;
    const shown = new Set(cards.map(({ review }) => review.id));
    for (const id of this.#outcomes.keys()) if (!shown.has(id)) this.#outcomes.delete(id);
    clearTimeout(this.#timer);
    const ends = cards.map(({ outcome }) => (outcome?.at ?? Infinity) + UNDO_TIME);
    const next = Math.min(...ends.filter((at) => at > now));
    if (next !== Infinity) this.#arrangeIn(next - now);
  }

  #card(review: Review): Card {
    const outcome = this.#outcomes.get(review.id) ?? null;
    return { review, outcome, mayUndo: outcome !== null && mayUndo(outcome) };
  }

  #outcomeOf(review: Review, command: Decision, at: number): Outcome {
    const { comment } = command;
    const principal = plain(review.onBehalfOf ?? "");
    if (command.do === "deny")
      return { words: OUTCOMES.denied, principal, tone: "stop", comment, at, own: true };
    const seconds = command.seconds ?? review.seconds;
    const now = this.#serverNow();
    const ends = endsEarly(review, seconds, now);
    const words = ends === undefined ? approved(seconds) : `Approved until ${moment(ends, now)}`;
    return { words, principal, tone: "open", comment, at, own: true };
  }

  /** How a request ended that this person did not decide. Nobody looks, so it may go at once. */
  #gone({ id, lapsesAt }: Review): Outcome {
    const kind = lapsesAt <= this.#serverNow() ? "expired" : "unknown";
    return over(this.#became(id) ?? OUTCOMES[kind], -UNDO_TIME);
  }
}

/** Whose request for what, for the names of buttons and for announcements. */
export function subject(review: Review): string {
  return `${plain(review.requester)}, ${plain(review.resource)}`;
}

/** When access ends at the latest, where that is before the length is over that is approved now. */
export function endsEarly(review: Review, seconds: number | null, now: number): number | undefined {
  if (seconds === null || review.endsBy === undefined) return undefined;
  return review.endsBy < (review.startsAt ?? now) + seconds * 1_000 ? review.endsBy : undefined;
}

/** The request in one sentence, as its notification has it. */
export function title(review: Review): string {
  const [requester, resource] = [plain(review.requester), plain(review.resource)];
  if (review.extends !== undefined) return `${requester} asks to extend ${resource}`;
  if (review.seconds === null) return `${requester} asks to unlock ${resource}`;
  return `${requester} asks for ${resource}`;
}

/** How a request ended, without markup. */
export function spoken({ words, principal }: Outcome): string {
  return principal === "" ? words : `${words}, for ${principal}`;
}

function mayUndo({ own, at }: Outcome): boolean {
  return own && at + UNDO_TIME > performance.now();
}

/** What became of a request, where this person has nothing to take back. */
function over(words: string, at: number): Outcome {
  return { words, principal: "", tone: "muted", comment: "", at, own: false };
}
