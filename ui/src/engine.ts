import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { getCurrentWebview } from "@tauri-apps/api/webview";
import type { Command } from "./view/Command";
import type { ViewUpdate } from "./view/ViewUpdate";

/** The engine as the window sees it: commands one way, whole view models the other. */
export interface Engine {
  /** Carries out a command. Rejects with a sentence that a person can act on. */
  send(command: Command): Promise<void>;
  /** Calls back with every view model that the engine pushes from now on. */
  listen(receive: (update: ViewUpdate) => void): Promise<void>;
  /** Draws the page this much larger than usual. */
  zoom(factor: number): Promise<void>;
}

/** The engine behind Tauri's IPC. */
export const tauriEngine: Engine = {
  async send(command) {
    await invoke("send", { command });
  },
  async listen(receive) {
    await listen<ViewUpdate>("view", (event) => {
      receive(event.payload);
    });
  },
  async zoom(factor) {
    await getCurrentWebview().setZoom(factor);
  },
};
