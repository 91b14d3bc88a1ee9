import type { Resource } from "../view/Resource";
import { type Section, type Shown, sectionOf, shown } from "./lock";

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
}

/**
 * The list as laid out. Rows are worked out only where they are looked at: a line for each of
 * 10,000 resources on every key press would cost most of a frame.
 */
export interface Layout {
  sections: Placed[];
  /** Number of resources. */
  rows: number;
  /** Height of each in CSS pixels. */
  rowHeight: number;
  /** Height of the whole list in CSS pixels. */
  height: number;
}

/** One line of the list: a section's heading or a resource. */
export type Line = {
  top: number;
  /** Its place among all lines, from 1. */
  index: number;
} & (
  | { kind: "heading"; section: Section; count: number }
  | { kind: "resource"; resource: Resource; lock: Shown }
);

/** Heights of lines in CSS pixels; `Resources.svelte` draws them so. */
export const HEADING_HEIGHT = 36;
export const ROW_HEIGHT = 52;
/** The height where a row's action goes below its name, which may take two lines. */
export const NARROW_ROW_HEIGHT = 108;
/** Lists that are narrower than this in CSS pixels have such rows. */
export const NARROW = 330;

const SECTIONS: Section[] = ["Open", "Waiting", "Locked"];

/** Prepares resources for `search`. */
export function searchable(resources: Resource[]): Searchable[] {
  return resources.map((resource) => {
    const name = fold(resource.name);
    const rest = fold(`${resource.address}\n${resource.alias ?? ""}\n${resource.keywords}`);
    return { resource, name, text: `${name}\n${rest}` };
  });
}

/**
 * The resources that contain every word of the query, in name, address, alias or keywords. Names
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
export function layOut(resources: Resource[], now: number, rowHeight = ROW_HEIGHT): Layout {
  const bySection: Record<Section, Resource[]> = { Open: [], Waiting: [], Locked: [] };
  for (const resource of resources) bySection[sectionOf(shown(resource.lock, now))].push(resource);
  const layout: Layout = { sections: [], rows: 0, rowHeight, height: 0 };
  for (const section of SECTIONS) {
    const members = bySection[section];
    if (members.length === 0) continue;
    layout.sections.push({ section, members, top: layout.height, first: layout.rows });
    layout.rows += members.length;
    layout.height += HEADING_HEIGHT + members.length * rowHeight;
  }
  return layout;
}

/** The lines that touch the given stretch of the list, so that only these are drawn. */
export function visible(layout: Layout, now: number, from: number, to: number): Line[] {
  const lines: Line[] = [];
  const { sections, rowHeight } = layout;
  for (const [above, { section, members, top, first }] of sections.entries()) {
    const rowsTop = top + HEADING_HEIGHT;
    const index = above + first + 1;
    if (top < to && rowsTop > from)
      lines.push({ kind: "heading", section, count: members.length, top, index });
    const begin = Math.max(Math.floor((from - rowsTop) / rowHeight), 0);
    const end = Math.max(Math.ceil((to - rowsTop) / rowHeight), begin);
    for (const [at, resource] of members.slice(begin, end).entries())
      lines.push({
        kind: "resource",
        resource,
        lock: shown(resource.lock, now),
        top: rowsTop + (begin + at) * rowHeight,
        index: index + 1 + begin + at,
      });
  }
  return lines;
}

/** The resource at a position among all rows. */
export function rowAt(layout: Layout, position: number): Resource | undefined {
  const placed = layout.sections.findLast(({ first }) => first <= position);
  return placed?.members[position - placed.first];
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
  const headings = layout.sections.filter(({ first }) => first <= position).length;
  return headings * HEADING_HEIGHT + position * layout.rowHeight;
}

/** Where to scroll so that a row (and the heading right above it) is seen; `null` to stay. */
export function scrollFor(
  layout: Layout,
  position: number,
  scrollTop: number,
  height: number,
): number | null {
  const rowTop = topOf(layout, position);
  const isFirst = layout.sections.some(({ first }) => first === position);
  const top = isFirst ? rowTop - HEADING_HEIGHT : rowTop;
  if (top < scrollTop) return top;
  const bottom = rowTop + layout.rowHeight + BELOW;
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
