import { describe, expect, test } from "vitest";
import { type Focus, focusOf, intent, type Key } from "./keys";

function key(key: string, held: Partial<Key> = {}): Key {
  return { key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held };
}

const EVERYWHERE: Focus[] = ["search", "field", "control", "page"];

test("typing anywhere but in a field searches", () => {
  for (const typed of ["a", "Ä", "7", "/", "😀", "Backspace"]) {
    expect(intent(key(typed), "page", false)).toEqual({ kind: "type" });
    expect(intent(key(typed), "control", false)).toEqual({ kind: "type" });
    // In the search field itself the browser does it, and a field keeps its keys.
    expect(intent(key(typed), "search", false)).toBeNull();
    expect(intent(key(typed), "field", false)).toBeNull();
  }
});

test("keys that type nothing do not search", () => {
  for (const other of ["Shift", "F5", "Tab", "Delete", "ArrowLeft", "Dead", " "]) {
    expect(intent(key(other), "page", false)).toBeNull();
  }
  expect(intent(key("a", { altKey: true }), "page", false)).toBeNull();
});

test("arrows and pages move, except in a field", () => {
  expect(intent(key("ArrowDown"), "search", false)).toEqual({ kind: "move", rows: 1 });
  expect(intent(key("ArrowUp"), "control", false)).toEqual({ kind: "move", rows: -1 });
  expect(intent(key("PageDown"), "page", false)).toEqual({ kind: "move", rows: 8 });
  expect(intent(key("End", { ctrlKey: true }), "search", false)).toEqual({
    kind: "move",
    rows: Infinity,
  });
  expect(intent(key("ArrowDown"), "field", false)).toBeNull();
});

test("Enter is the primary action, but a focused button's own elsewhere", () => {
  expect(intent(key("Enter"), "search", false)).toEqual({ kind: "primary" });
  expect(intent(key("Enter"), "page", false)).toEqual({ kind: "primary" });
  expect(intent(key("Enter"), "control", false)).toBeNull();
  expect(intent(key("Enter"), "field", false)).toBeNull();
});

describe.each([{ ctrlKey: true }, { metaKey: true }])("with %o", (held) => {
  test("K searches from everywhere", () => {
    for (const focus of EVERYWHERE) {
      expect(intent(key("k", held), focus, false)).toEqual({ kind: "search" });
    }
  });

  test("C copies the address unless text is selected", () => {
    expect(intent(key("c", held), "search", false)).toEqual({ kind: "copy" });
    expect(intent(key("c", held), "page", true)).toBeNull();
    expect(intent(key("c", held), "field", false)).toBeNull();
    expect(intent(key("C", { ...held, shiftKey: true }), "page", false)).toBeNull();
  });

  test("digits choose tabs, from fields too", () => {
    expect(intent(key("1", held), "page", false)).toEqual({ kind: "tab", tab: "resources" });
    expect(intent(key("3", held), "field", false)).toEqual({ kind: "tab", tab: "review" });
    expect(intent(key("5", held), "page", false)).toBeNull();
  });

  test("plus, minus and zero zoom, even from a field", () => {
    for (const [pressed, steps] of Object.entries({ "+": 1, "=": 1, "-": -1, "0": 0 }))
      expect(intent(key(pressed, held), "field", false)).toEqual({ kind: "zoom", steps });
  });

  test("everything else stays the browser's", () => {
    for (const other of ["v", "a", "z"]) {
      expect(intent(key(other, held), "search", false)).toBeNull();
    }
  });
});

test("Escape means itself everywhere", () => {
  for (const focus of EVERYWHERE) {
    expect(intent(key("Escape"), focus, false)).toEqual({ kind: "escape" });
  }
});

test("both menu keys open the menu", () => {
  expect(intent(key("F10", { shiftKey: true }), "search", false)).toEqual({ kind: "menu" });
  expect(intent(key("ContextMenu"), "control", false)).toEqual({ kind: "menu" });
  expect(intent(key("F10"), "search", false)).toBeNull();
});

test("elements are told apart", () => {
  document.body.innerHTML = `
    <input data-search><textarea></textarea><select></select><input type="radio">
    <input type="checkbox"><button></button><p></p>`;
  const kinds = [...document.body.children].map(focusOf);
  expect(kinds).toEqual(["search", "field", "field", "field", "control", "control", "page"]);
  expect(focusOf(null)).toBe("page");
});
