/**
 * The real window on sample data, for looking at it in a browser: `npm run dev`, then
 * /dev/index.html?scene=full (scenes.ts names them). No build includes this folder.
 */
import { emit } from "@tauri-apps/api/event";
import { mockIPC } from "@tauri-apps/api/mocks";
import type { Command } from "../src/view/Command";
import type { ViewUpdate } from "../src/view/ViewUpdate";
import { scenes } from "./scenes";

const name = new URLSearchParams(location.search).get("scene") ?? "full";
const scene = scenes[name];
if (scene === undefined) throw new Error(`No scene ${name}: ${Object.keys(scenes).join(", ")}`);

/** What the window has sent, for scripts that drive this page. */
const sent: Command[] = [];
const push = (update: ViewUpdate) => emit("view", update);
Object.assign(window, { sent, push });

mockIPC(
  (command, payload) => {
    if (command !== "send") return;
    const asked = (payload as { command: Command }).command;
    sent.push(asked);
    const failure = scene.fails?.(asked);
    if (failure !== undefined) throw failure as unknown as Error;
    if (asked.do === "load") for (const update of scene.updates()) void push(update);
  },
  { shouldMockEvents: true },
);

await import("../src/main");
