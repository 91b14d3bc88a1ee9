/** The real window in jsdom on an engine of the test, and what a person does there. */
import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, vi } from "vitest";
import App from "./App.svelte";
import type { Engine } from "./engine";
import type { Command } from "./view/Command";
import type { ViewUpdate } from "./view/ViewUpdate";
import type { SessionState } from "./view/SessionState";

/** The server's time when a window opens. */
export const NOW = 1_900_000_000_000;
/** Who is signed in. */
export const account = {
  name: "Ada Park",
  login: "ada",
  organisation: "Northwind",
  controller: "https://hourkey.example",
};
/** Signed in and connected. */
export const LIVE: SessionState = { kind: "live", account };

/** Records what the window sends, and pushes what a test wants it to show. */
export class Recorder implements Engine {
  sent: Command[] = [];
  /** How large the page is drawn. */
  zoomed = 1;
  refusal: string | null = null;
  /** What commands wait for before they are answered. */
  answered: Promise<void> = Promise.resolve();
  push: (update: ViewUpdate) => void = () => {
    throw new Error("the window does not listen yet");
  };

  async send(command: Command): Promise<void> {
    this.sent.push(command);
    await this.answered;
    // Tauri rejects with the plain string that the command returned.
    // eslint-disable-next-line @typescript-eslint/only-throw-error
    if (this.refusal !== null) throw this.refusal;
  }

  zoom(factor: number): Promise<void> {
    this.zoomed = factor;
    return Promise.resolve();
  }

  listen(receive: (update: ViewUpdate) => void): Promise<void> {
    this.push = (update) => {
      receive(update);
      flushSync();
    };
    return Promise.resolve();
  }
}

/** The engine of the window that is open now. */
export let engine: Recorder;
let app: ReturnType<typeof mount>;

/** Mounts a window before each test of the file, with time standing still. */
export function mountBeforeEach() {
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    // jsdom does no layout, so it has nothing to scroll or to measure.
    Element.prototype.scrollTo = () => undefined;
    Element.prototype.scrollIntoView = () => undefined;
    globalThis.ResizeObserver = class {
      observe = () => undefined;
      unobserve = () => undefined;
      disconnect = () => undefined;
    };
    await open(null);
  });

  afterEach(async () => {
    await unmount(app);
    vi.useRealTimers();
  });
}

/** Closes the window and opens it anew, on an engine that refuses everything with this sentence. */
export async function reopen(refusal: string | null) {
  await unmount(app);
  await open(refusal);
}

async function open(refusal: string | null) {
  engine = new Recorder();
  engine.refusal = refusal;
  app = mount(App, { target: document.body, props: { engine } });
  await settle();
}

/** Lets promises and effects run. */
export async function settle() {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  flushSync();
}

/** Lets time pass, and every timer that falls due set the next one. */
export async function pass(ms: number) {
  await vi.advanceTimersByTimeAsync(ms);
  flushSync();
}

/** Pushes a session, then other view models. */
export function show(state: SessionState, ...updates: ViewUpdate[]) {
  engine.push({ view: "session", value: { state, now: NOW, warnings: [] } });
  for (const update of updates) engine.push(update);
}

/** Presses a key where the focus is; tells whether the window took it. */
export function press(key: string, held: KeyboardEventInit = {}): boolean {
  const target = document.activeElement ?? document.body;
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...held });
  target.dispatchEvent(event);
  flushSync();
  return event.defaultPrevented;
}

/** The first button of that name or label. */
export function button(name: string): HTMLButtonElement {
  const all = [...document.querySelectorAll("button")];
  const found = all.find((one) => [one.ariaLabel, one.textContent.trim()].includes(name));
  if (found === undefined) throw new Error(`no button "${name}" in: ${document.body.textContent}`);
  return found;
}

/** Clicks the button of that name. */
export async function click(name: string) {
  button(name).click();
  await settle();
}

/** Replaces the text of a field. */
export function type(selector: string, text: string) {
  const field = document.querySelector<HTMLInputElement | HTMLTextAreaElement>(selector);
  if (field === null) throw new Error(`no field ${selector}`);
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  flushSync();
}

/** All that the window says, blanks made one. */
export function text(): string {
  return document.body.textContent.replace(/\s+/g, " ");
}

/** What has been sent since the window asked for everything. */
export function sent(): Command[] {
  return engine.sent.filter((command) => command.do !== "load");
}
