import type { Resource } from "../view/Resource";
import { lines, type Section, type Shown, sectionOf, shown } from "./lock";

/** A resource with what search looks at, prepared once per push. */
export interface Searchable {
  resource: Resource;
  /** The folded name, for ranking. */
  name: string;
  /** Everything that is searched, folded. */
  text: string;
}

/** A section of the list, placed. */
export interface Placed {
  section: Section;
  members: Resource[];
  /** Where its heading begins, in CSS pixels from the top of the list. */
  top: number;
  /** The position of its first row among all rows. */
  first: number;
  /** For each note the row, by its index among the members, that it stands in; ascending. */
  notes: number[];
}

/**
 * The list as laid out. Rows are worked out only where they are looked at: a line for each of
 * 10,000 resources on every key press would cost most of a frame.
 */
export interface Layout {
  sections: Placed[];
  /** Number of resources. */
  rows: number;
  /** Heights of rows and of the notes in them. */
  heights: Heights;
  /** Height of the whole list in CSS pixels. */
  height: number;
}

/** How high rows are in CSS pixels; `Row.svelte` draws them so. */
export interface Heights {
  row: number;
  /** How much higher a row is for each note in it. */
  note: number;
}

/** One line of the list: a section's heading or a resource. */
export type Line = {
  top: number;
  height: number;
  /** Its place among all lines, from 1. */
  index: number;
} & (
  | { kind: "heading"; section: Section; count: number }
  | { kind: "resource"; resource: Resource; lock: Shown }
);

/** Heights of lines in CSS pixels; `Resources.svelte` draws them so. */
export const HEADING_HEIGHT = 36;
export const WIDE_ROWS: Heights = { row: 52, note: 18 };
/** Where a row's action goes below its name, which may take two lines, as a note may. */
export const NARROW_ROWS: Heights = { row: 124, note: 34 };
/** Lists that are narrower than this in CSS pixels have such rows. */
export const NARROW = 330;

const SECTIONS: Section[] = ["Open", "Waiting", "Locked"];

/** Prepares resources for `search`. */
export function searchable(resources: Resource[]): Searchable[] {
  return resources.map((resource) => {
    const name = fold(resource.name);
    const rest = fold(
      `${resource.address}\n${resource.alias ?? ""}\n${resource.keywords}\n${resource.description ?? ""}`,
    );
    return { resource, name, text: `${name}\n${rest}` };
  });
}

/**
 * The resources that contain every word of the query, in name, address, alias, keywords or description. Names
 * that begin with the query come first, then those with a word that does; otherwise the order stays.
 */
export function search(all: Searchable[], query: string): Resource[] {
  const whole = fold(query).trim();
  if (whole === "") return all.map(({ resource }) => resource);
  const terms = whole.split(/\s+/);
  const begins: Resource[] = [];
  const wordBegins: Resource[] = [];
  const contains: Resource[] = [];
  for (const { resource, name, text } of all) {
    if (!terms.every((term) => text.includes(term))) continue;
    if (name.startsWith(whole)) begins.push(resource);
    else if (name.includes(` ${whole}`)) wordBegins.push(resource);
    else contains.push(resource);
  }
  return begins.concat(wordBegins, contains);
}

/** Lays resources out in their sections; empty sections are left out. */
export function layOut(resources: Resource[], now: number, heights = WIDE_ROWS): Layout {
  const bySection: Record<Section, Placed> = {
    Open: { section: "Open", members: [], top: 0, first: 0, notes: [] },
    Waiting: { section: "Waiting", members: [], top: 0, first: 0, notes: [] },
    Locked: { section: "Locked", members: [], top: 0, first: 0, notes: [] },
  };
  for (const resource of resources) {
    const lock = shown(resource.lock, now);
    const placed = bySection[sectionOf(lock)];
    placed.notes.push(...lines(resource, lock, now).map(() => placed.members.length));
    placed.members.push(resource);
  }
  const layout: Layout = { sections: [], rows: 0, heights, height: 0 };
  for (const section of SECTIONS) {
    const placed = bySection[section];
    if (placed.members.length === 0) continue;
    placed.top = layout.height;
    placed.first = layout.rows;
    layout.sections.push(placed);
    layout.rows += placed.members.length;
    layout.height = rowTop(layout, placed, placed.members.length);
  }
  return layout;
}

/** Where a row of a section begins, by its index among the members. */
function rowTop({ heights }: Layout, { top, notes }: Placed, index: number): number {
  const above = firstWhere(notes.length, (at) => (notes[at] ?? 0) >= index);
  return top + HEADING_HEIGHT + index * heights.row + above * heights.note;
}

/** The first of so many numbers for which something holds that then holds for all after it. */
function firstWhere(count: number, holds: (at: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The lines that touch the given stretch of the list, so that only these are drawn. */
export function visible(layout: Layout, now: number, from: number, to: number): Line[] {
  const lines: Line[] = [];
  for (const [above, placed] of layout.sections.entries()) {
    const { section, members, top, first } = placed;
    const index = above + first + 1;
    const height = HEADING_HEIGHT;
    if (top < to && top + height > from)
      lines.push({ kind: "heading", section, count: members.length, top, height, index });
    const topAt = (row: number) => rowTop(layout, placed, row);
    const begin = firstWhere(members.length, (row) => topAt(row + 1) > from);
    for (let row = begin; row < members.length && topAt(row) < to; row++) {
      const resource = members[row];
      if (resource === undefined) break;
      lines.push({
        kind: "resource",
        resource,
        lock: shown(resource.lock, now),
        top: topAt(row),
        height: topAt(row + 1) - topAt(row),
        index: index + 1 + row,
      });
    }
  }
  return lines;
}

/** The resource at a position among all rows. */
export function rowAt(layout: Layout, position: number): Resource | undefined {
  const placed = sectionAt(layout, position);
  return placed?.members[position - placed.first];
}

function sectionAt({ sections }: Layout, position: number): Placed | undefined {
  return sections.findLast(({ first }) => first <= position);
}

/** The position of a resource among all rows, or -1. */
export function positionOf(layout: Layout, id: number | null): number {
  for (const { members, first } of layout.sections) {
    const index = members.findIndex((resource) => resource.id === id);
    if (index >= 0) return first + index;
  }
  return -1;
}

/** Where a row begins, in CSS pixels from the top of the list. */
export function topOf(layout: Layout, position: number): number {
  const placed = sectionAt(layout, position);
  return placed === undefined ? 0 : rowTop(layout, placed, position - placed.first);
}

/** Where a row ends, in CSS pixels from the top of the list. */
export function bottomOf(layout: Layout, position: number): number {
  const placed = sectionAt(layout, position);
  return placed === undefined ? 0 : rowTop(layout, placed, position - placed.first + 1);
}

/** Where to scroll so that a row (and the heading right above it) is seen; `null` to stay. */
export function scrollFor(
  layout: Layout,
  position: number,
  scrollTop: number,
  height: number,
): number | null {
  const isFirst = layout.sections.some(({ first }) => first === position);
  const top = topOf(layout, position) - (isFirst ? HEADING_HEIGHT : 0);
  if (top < scrollTop) return top;
  const bottom = bottomOf(layout, position) + BELOW;
  return bottom > scrollTop + height ? bottom - height : null;
}

/** Air below the selected row, so that its ring is not cut by the edge. */
const BELOW = 8;

/** Lower case without accents, so that `cafe` finds `Café`. */
function fold(text: string): string {
  // eslint-disable-next-line no-control-regex -- ASCII, the common case, needs no normalising
  if (/^[\u0000-\u007f]*$/.test(text)) return text.toLowerCase();
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase();
}
