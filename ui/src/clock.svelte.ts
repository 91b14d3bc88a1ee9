/**
 * The server's clock. It goes on from the time the engine last told, by the page's monotonic
 * clock, so that a wrong wall clock or a time zone changes no countdown.
 */
export class Clock {
  /** The server's time as last read, in milliseconds since the Unix epoch. */
  now = $state(0);

  #told = 0;
  #toldAt = 0;

  /** Takes the server's time, as received in this moment. */
  set(serverNow: number): void {
    this.#told = serverNow;
    this.#toldAt = performance.now();
    this.now = serverNow;
  }

  /** Reads the clock again, which renews every wording that shows a time. */
  tick(): void {
    this.now = this.#told + (performance.now() - this.#toldAt);
  }

  /**
   * Ticks once at the given server time. Returns the way to call it off; `Infinity` never ticks.
   */
  tickAt(at: number): () => void {
    if (at === Infinity) return () => undefined;
    const now = this.#told + (performance.now() - this.#toldAt);
    // A timer may fire a little early; the extra millisecond lands it behind the change.
    const timer = setTimeout(
      () => {
        this.tick();
      },
      Math.min(Math.max(at - now + 1, 16), LONGEST_TIMER),
    );
    return () => {
      clearTimeout(timer);
    };
  }
}

/** An hour: far below where timers overflow, and often enough to look again. */
const LONGEST_TIMER = 3_600_000;
