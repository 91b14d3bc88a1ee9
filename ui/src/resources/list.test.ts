import { describe, expect, test } from "vitest";
import {
  bottomOf,
  HEADING_HEIGHT,
  layOut,
  type Layout,
  positionOf,
  rowAt,
  NARROW_ROWS,
  WIDE_ROWS,
  scrollFor,
  search,
  searchable,
  topOf,
  visible,
} from "./list";
import { granted, LOCKED, OPEN, pending, resource } from "./samples";
import type { Lock } from "../view/Lock";

const NOW = 1_000_000;

function names(layout: Layout, now = NOW): string[] {
  return visible(layout, now, 0, layout.height).map((line) =>
    line.kind === "heading" ? `# ${line.section} ${line.count}` : line.resource.name,
  );
}

describe("search", () => {
  const all = searchable([
    resource(1, "Old Grafana", { keywords: "prod monitoring" }),
    resource(2, "Grafana"),
    resource(3, "Café board", { alias: "coffee" }),
    resource(4, "Payroll", { address: "10.1.2.3:5432" }),
    resource(5, "Monografana"),
  ]);
  const found = (query: string) => search(all, query).map(({ name }) => name);

  test("looks at name, address, alias and keywords", () => {
    expect(found("payr")).toEqual(["Payroll"]);
    expect(found("10.1.2")).toEqual(["Payroll"]);
    expect(found("coffee")).toEqual(["Café board"]);
    expect(found("monitoring")).toEqual(["Old Grafana"]);
  });

  test("needs every word, in any order", () => {
    expect(found("prod grafana")).toEqual(["Old Grafana"]);
    expect(found("prod payroll")).toEqual([]);
  });

  test("minds neither case nor accents", () => {
    expect(found("CAFE")).toEqual(["Café board"]);
    expect(found("café")).toEqual(["Café board"]);
  });

  test("puts names that begin so first", () => {
    expect(found("grafana")).toEqual(["Grafana", "Old Grafana", "Monografana"]);
  });

  test("shows everything for nothing, or for blanks", () => {
    expect(found("")).toHaveLength(5);
    expect(found("  ")).toHaveLength(5);
  });

  test("does not take a word across two fields", () => {
    expect(found("grafanagrafana")).toEqual([]);
  });
});

describe("sections", () => {
  const resources = [
    resource(1, "Payroll", { lock: granted(0, NOW + 1) }),
    resource(2, "Billing", { lock: pending(0, NOW + 5_000) }),
    resource(3, "Wiki", { lock: OPEN }),
    resource(4, "Vault", { lock: LOCKED }),
  ];

  test("come in their order, with counts", () => {
    expect(names(layOut(resources, NOW))).toEqual([
      "# Open 2",
      "Payroll",
      "Wiki",
      "# Waiting 1",
      "Billing",
      "# Locked 1",
      "Vault",
    ]);
  });

  test("show nothing as open or waiting past its deadline", () => {
    expect(names(layOut(resources, NOW + 1))).toEqual([
      "# Open 1",
      "Wiki",
      "# Waiting 1",
      "Billing",
      "# Locked 2",
      "Payroll",
      "Vault",
    ]);
    expect(names(layOut(resources, NOW + 5_000))).not.toContain("# Waiting 1");
  });

  test("count their rows through", () => {
    const layout = layOut(resources, NOW);
    expect([0, 1, 2, 3].map((position) => rowAt(layout, position)?.id)).toEqual([1, 3, 2, 4]);
    expect([1, 3, 2, 4].map((id) => positionOf(layout, id))).toEqual([0, 1, 2, 3]);
    expect(rowAt(layout, 4)).toBeUndefined();
    expect(rowAt(layout, -1)).toBeUndefined();
    expect(positionOf(layout, 99)).toBe(-1);
    const drawn = visible(layout, NOW, 0, layout.height).filter(({ kind }) => kind === "resource");
    expect([0, 1, 2, 3].map((position) => topOf(layout, position))).toEqual(
      drawn.map(({ top }) => top),
    );
  });

  test("number their lines through, headings too, wherever the list is scrolled to", () => {
    const layout = layOut(resources, NOW);
    const indices = (from: number) =>
      visible(layout, NOW, from, layout.height).map(({ index }) => index);
    expect(indices(0)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(indices(topOf(layout, 2))).toEqual([5, 6, 7]);
  });

  test("have higher rows in a narrow list", () => {
    const layout = layOut(resources, NOW, NARROW_ROWS);
    const drawn = visible(layout, NOW, 0, layout.height);
    expect(drawn.at(-1)?.top).toBe(layout.height - NARROW_ROWS.row);
    expect(topOf(layout, 3)).toBe(layout.height - NARROW_ROWS.row);
    expect(scrollFor(layout, 3, 0, layout.height - NARROW_ROWS.row)).not.toBeNull();
  });

  test("have rows as high as their notes need", () => {
    const decision = { revoked: true, at: NOW, sentence: "Revoked by Rosa.", automaticAt: NOW + 9 };
    const revoked = { ...LOCKED, decision } as Lock;
    const layout = layOut(
      [...resources, resource(5, "Exports", { lock: revoked }), resource(6, "Xray")],
      NOW,
    );
    const { row, note } = WIDE_ROWS;
    expect(bottomOf(layout, 4) - topOf(layout, 4)).toBe(row + 2 * note);
    expect(topOf(layout, 5)).toBe(bottomOf(layout, 4));
    expect(layout.height).toBe(bottomOf(layout, 5));
    const drawn = visible(layout, NOW, topOf(layout, 4), bottomOf(layout, 4));
    expect(drawn.map(({ top, height }) => [top, height])).toEqual([
      [topOf(layout, 4), row + 2 * note],
    ]);
    expect(visible(layout, NOW, bottomOf(layout, 4) - 1, layout.height)).toHaveLength(2);
    expect(bottomOf(layOut([resource(5, "Exports", { lock: revoked })], NOW + 9), 0)).toBe(
      HEADING_HEIGHT + row + note,
    );
  });

  test("are left out when empty", () => {
    expect(names(layOut([resource(1, "Vault")], NOW))).toEqual(["# Locked 1", "Vault"]);
    expect(layOut([], NOW)).toMatchObject({ sections: [], rows: 0, height: 0 });
  });
});

describe("of 10,000 resources", () => {
  const many = Array.from({ length: 10_000 }, (_, index) => resource(index, `Db ${index}`));
  const layout = layOut(many, NOW);

  test("only what is in sight is drawn", () => {
    expect(layout.height).toBe(HEADING_HEIGHT + 10_000 * WIDE_ROWS.row);
    const lines = visible(layout, NOW, 200_000, 200_600);
    expect(lines.length).toBeLessThanOrEqual(Math.ceil(600 / WIDE_ROWS.row) + 1);
    expect(lines[0]?.top).toBeLessThanOrEqual(200_000);
    expect(lines.at(-1)?.top).toBeGreaterThanOrEqual(200_600 - WIDE_ROWS.row);
  });

  test("the ends are drawn too", () => {
    expect(visible(layout, NOW, -200, 10)).toHaveLength(1);
    expect(visible(layout, NOW, layout.height - 10, layout.height + 500)).toHaveLength(1);
    expect(visible(layout, NOW, layout.height + 10, layout.height + 500)).toHaveLength(0);
  });

  test("a row is scrolled into sight only when it is out of it", () => {
    expect(scrollFor(layout, 3, 0, 600)).toBeNull();
    expect(scrollFor(layout, 0, 400, 600)).toBe(0); // with its heading
    expect(scrollFor(layout, 50, 10_000, 600)).toBe(HEADING_HEIGHT + 50 * WIDE_ROWS.row);
    const below = scrollFor(layout, 20, 0, 600) ?? 0;
    expect(below + 600).toBeGreaterThanOrEqual(HEADING_HEIGHT + 21 * WIDE_ROWS.row);
  });
});
