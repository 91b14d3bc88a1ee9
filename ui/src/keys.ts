import type { Tab } from "./view/Tab";

/** What a key press in the window means. */
export type Intent =
  | { kind: "search" }
  | { kind: "type" }
  | { kind: "move"; rows: number }
  | { kind: "primary" }
  | { kind: "menu" }
  | { kind: "copy" }
  | { kind: "escape" }
  | { kind: "zoom"; steps: number }
  | { kind: "tab"; tab: Tab };

/** Where the focus is, as far as keys care. */
export type Focus = "search" | "field" | "control" | "page";

/** The parts of a `KeyboardEvent` that are looked at. */
export type Key = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

/** The tabs in their order; Ctrl or Cmd with 1 to 4 goes there. */
export const TABS: Tab[] = ["resources", "inbox", "review", "settings"];

/** Rows that Page Up and Page Down move by. */
const PAGE = 8;

/**
 * What a key press means, or `null` where the browser's own handling is right: text fields keep
 * their keys, focused buttons keep Enter and Space, and selected text is what Ctrl+C copies.
 */
export function intent(key: Key, focus: Focus, textSelected: boolean): Intent | null {
  if (key.key === "Escape") return { kind: "escape" };
  if (key.altKey) return null;
  if (key.ctrlKey || key.metaKey) return withControl(key, focus, textSelected);
  if (focus === "field") return null;
  if (key.key === "ContextMenu" || (key.key === "F10" && key.shiftKey)) return { kind: "menu" };
  switch (key.key) {
    case "ArrowDown":
      return { kind: "move", rows: 1 };
    case "ArrowUp":
      return { kind: "move", rows: -1 };
    case "PageDown":
      return { kind: "move", rows: PAGE };
    case "PageUp":
      return { kind: "move", rows: -PAGE };
    case "Enter":
      return focus === "control" ? null : { kind: "primary" };
    case " ":
      return null;
    default:
      return focus !== "search" && isTyping(key) ? { kind: "type" } : null;
  }
}

/** What a focused element means for keys. */
export function focusOf(element: Element | null): Focus {
  if (element === null) return "page";
  if (element.matches("[data-search]")) return "search";
  if (element.matches("textarea, select, input:not([type=checkbox])")) return "field";
  if (element.matches("button, a[href], input, summary")) return "control";
  return "page";
}

function withControl(key: Key, focus: Focus, textSelected: boolean): Intent | null {
  const letter = key.key.toLowerCase();
  if (letter === "k") return { kind: "search" };
  // "=" is the key of "+" without Shift.
  if (letter === "+" || letter === "=") return { kind: "zoom", steps: 1 };
  if (letter === "-" || letter === "_") return { kind: "zoom", steps: -1 };
  if (letter === "0") return { kind: "zoom", steps: 0 };
  const tab = TABS[Number(key.key) - 1];
  if (tab !== undefined) return { kind: "tab", tab };
  if (focus === "field") return null;
  if (letter === "c" && !key.shiftKey && !textSelected) return { kind: "copy" };
  if (key.key === "Home") return { kind: "move", rows: -Infinity };
  if (key.key === "End") return { kind: "move", rows: Infinity };
  return null;
}

/** One character (which may be two code units), or the key that takes one back. */
function isTyping(key: Key): boolean {
  return Array.from(key.key).length === 1 || key.key === "Backspace";
}
