import { Clock } from "./clock.svelte";
import type { Engine } from "./engine";
import { ReviewQueue } from "./review/queue.svelte";
import { keepZoom, keptZoom, zoomed } from "./zoom";
import type { Command } from "./view/Command";
import type { Decided } from "./view/Decided";
import type { InboxItem } from "./view/InboxItem";
import type { ViewUpdate } from "./view/ViewUpdate";
import type { Resource } from "./view/Resource";
import type { Review } from "./view/Review";
import type { Session } from "./view/Session";
import type { Settings } from "./view/Settings";
import type { Tab } from "./view/Tab";

/** Everything the window shows: the view models as the engine last pushed them, and what is typed here. */
export class WindowState {
  session = $state.raw<Session | null>(null);
  resources = $state.raw<Resource[]>([]);
  inbox = $state.raw<InboxItem[]>([]);
  reviews = $state.raw<Review[] | null>(null);
  /** Requests that left the queue lately, with what became of them. */
  decided = $state.raw<Decided[]>([]);
  settings = $state.raw<Settings | null>(null);

  tab = $state<Tab>("resources");
  query = $state("");
  /** Why the last command failed. */
  problem = $state<string | null>(null);
  /** A short word on what was just done, also read out by screen readers. */
  said = $state("");

  readonly clock = new Clock();
  readonly queue = new ReviewQueue(
    (command) => this.send(command),
    () => this.clock.now,
    (request) => this.decided.find(({ id }) => id === request)?.sentence,
  );
  readonly #engine: Engine;
  #listening = false;
  #zoom = keptZoom();

  /** The tab to draw: the chosen one, unless it is the review queue of somebody who reviews nothing. */
  get shownTab(): Tab {
    return this.tab === "review" && this.reviews === null ? "resources" : this.tab;
  }

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Listens first and asks for everything then, so that none is missed. May be called again. */
  async start(): Promise<void> {
    this.problem = null;
    if (this.#zoom !== 1) await this.#drawZoomed();
    try {
      if (!this.#listening) {
        await this.#engine.listen((update) => {
          this.receive(update);
        });
        this.#listening = true;
      }
    } catch (error) {
      this.problem = sentence(error);
      return;
    }
    await this.send({ do: "load" });
  }

  /** Draws the page larger or smaller by so many steps; 0 for as large as usual. */
  async zoom(steps: number): Promise<void> {
    this.#zoom = zoomed(this.#zoom, steps);
    keepZoom(this.#zoom);
    await this.#drawZoomed();
    this.said = `${Math.round(this.#zoom * 100)}%`;
  }

  /** Takes a view model that the engine pushed. */
  receive(update: ViewUpdate): void {
    switch (update.view) {
      case "session":
        this.session = update.value;
        this.clock.set(update.value.now);
        if (update.value.state.kind === "signedOut") this.#forget();
        break;
      case "resources":
        this.resources = update.value;
        break;
      case "inbox":
        this.inbox = update.value;
        break;
      case "reviews":
        this.reviews = update.value;
        this.queue.receive(update.value ?? []);
        break;
      case "decided":
        this.decided = update.value;
        break;
      case "settings":
        this.settings = update.value;
        break;
      case "show":
        this.tab = update.value;
        break;
    }
  }

  /** Carries out a command; tells whether it succeeded. A failure's sentence becomes `problem`. */
  async send(command: Command): Promise<boolean> {
    try {
      await this.#engine.send(command);
    } catch (error) {
      this.problem = sentence(error);
      return false;
    }
    this.problem = null;
    this.said = confirmation(command);
    return true;
  }

  async #drawZoomed(): Promise<void> {
    try {
      await this.#engine.zoom(this.#zoom);
    } catch (error) {
      this.problem = sentence(error);
    }
  }

  /** What one person saw and typed is not for the next who signs in. */
  #forget(): void {
    this.resources = [];
    this.inbox = [];
    this.reviews = null;
    this.tab = "resources";
    this.query = "";
    this.queue.clear();
  }
}

/** What to say after a command that leaves no other trace in the window. */
function confirmation(command: Command): string {
  switch (command.do) {
    case "copy":
    case "copyPac":
    case "copyProxy":
      return "Address copied";
    case "forward":
    case "snooze":
      return "";
    case "authenticate":
    case "extend":
    case "open":
    case "viewRequest":
    case "reviewPage":
    case "openPages":
      return "Opened in your browser";
    case "cancel":
      return "Request cancelled";
    case "release":
      return "Access given back";
    case "approve":
    case "deny":
    case "undo":
    case "load":
    case "readInbox":
    case "signIn":
    case "cancelSignIn":
    case "signOut":
    case "setStartAtLogin":
    case "setBrowsers":
    case "setNotifications":
    case "openLogs":
    case "closeWindow":
      return "";
  }
}

/** Tauri rejects with the command's error as it was serialised: here a string. */
function sentence(error: unknown): string {
  if (typeof error === "string") return error;
  if (error instanceof Error) return error.message;
  return "Something went wrong. Try again.";
}
