/** Asks for a second, deliberate click before something that cannot be taken back. */
export class Confirmation {
  /** What the next click on the same label confirms. */
  armed = $state<string | null>(null);

  #armedAt = 0;

  /** Takes a click; true where it confirms. The second half of a double click does not. */
  click(label: string): boolean {
    if (this.armed !== label) {
      this.armed = label;
      this.#armedAt = performance.now();
      return false;
    }
    if (performance.now() - this.#armedAt < DOUBLE_CLICK) return false;
    this.armed = null;
    return true;
  }
}

/** Milliseconds within which two clicks are one double click. */
const DOUBLE_CLICK = 300;
