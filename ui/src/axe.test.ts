import axe from "axe-core";
import { flushSync, mount, unmount } from "svelte";
import { beforeEach, expect, test } from "vitest";
import { scenes } from "../dev/scenes";
import App from "./App.svelte";
import { TABS } from "./keys";
import { Recorder, settle } from "./mounted";

/** The scenes whose other tabs differ from those of `full`; looking takes a second each. */
const ALL_TABS = ["full", "empty", "hostile", "offline"];

beforeEach(() => {
  // axe measures icons on a canvas, which jsdom has not got.
  HTMLCanvasElement.prototype.getContext = () => null;
  Element.prototype.scrollTo = () => undefined;
  globalThis.ResizeObserver = class {
    observe = () => undefined;
    unobserve = () => undefined;
    disconnect = () => undefined;
  };
});

/** What axe finds on the page. jsdom draws nothing, so nothing has a contrast or a size there. */
async function violations(): Promise<string[]> {
  const { violations } = await axe.run(document.body, {
    rules: {
      "color-contrast": { enabled: false },
      region: { enabled: false },
    },
  });
  const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  return [...found, ...misnamed()];
}

/** Buttons whose name does not begin with what stands on them: nobody could say what they see. */
function misnamed(): string[] {
  return [...document.querySelectorAll("button[aria-label]")]
    .filter((button) => !button.ariaLabel?.startsWith(button.textContent.trim().replace("…", "")))
    .map((button) => `name: ${button.outerHTML}`);
}

/** Names that several buttons share, so that they can be told apart only by sight. */
function sharedNames(): string[] {
  const names = [...document.querySelectorAll("button")].map(
    (button) => button.ariaLabel ?? button.textContent.trim(),
  );
  return names.filter((name, index) => names.indexOf(name) !== index);
}

test.each(Object.entries(scenes))(
  "the scene %s has no violations",
  async (name, scene) => {
    const engine = new Recorder();
    engine.refusal = scene?.fails?.({ do: "load" }) ?? null;
    const app = mount(App, { target: document.body, props: { engine } });
    try {
      await settle();
      for (const update of scene?.updates() ?? []) engine.push(update);
      expect(await violations()).toEqual([]);
      expect(sharedNames()).toEqual([]);
      for (const tab of ALL_TABS.includes(name) ? TABS.slice(1) : []) {
        document.querySelector<HTMLElement>(`#tab-${tab}`)?.click();
        flushSync();
        expect(await violations()).toEqual([]);
        expect(sharedNames()).toEqual([]);
      }
    } finally {
      await unmount(app);
    }
  },
  60_000,
);
