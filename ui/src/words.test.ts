import { parse } from "svelte/compiler";
import { expect, test } from "vitest";

/** Everything the window can say is in these files. */
const sources = import.meta.glob<string>("./**/*.{svelte,ts}", {
  query: "?raw",
  import: "default",
  eager: true,
});

/** Words that people do not read: each thing has one name everywhere. */
const BANNED = [
  /\blaps(e|es|ed)\b/i, // expires, expired
  /\breleas(e|es|ed)\b/i, // give back
  /turn(ed)? away|withdrawn|stays locked/i, // denied, revoked, cancelled
  /\bless…/i, // shorter
  /a word to/i, // comment
  /\bask again\b/i, // request again
  /\b(hosts?|devices?|machines?)\b/i, // computer
  /\bprograms?\b/i, // apps
  /somebody|whoever|looks after/i, // reviewer, administrator, or a name
  /\bgo on\b|does not answer|is assigned to/i,
];

/** The texts of a source: its strings and, in markup, what stands between the tags. */
function texts(path: string, source: string): string[] {
  const found: string[] = [];
  const whole = path.endsWith(".ts") ? `<script lang="ts">${source}</script>` : source;
  JSON.stringify(parse(whole, { modern: true }), (_, node: unknown) => {
    if (typeof node !== "object" || node === null || !("type" in node)) return node;
    if (node.type === "Text" && "data" in node) found.push(String(node.data));
    if (node.type === "Literal" && "value" in node) found.push(String(node.value));
    if (node.type === "TemplateElement" && "value" in node)
      found.push((node.value as { raw: string }).raw);
    return node;
  });
  // Names of commands and classes are no words to people.
  return found.filter((text) => !/^[a-z]*$/.test(text));
}

const files = Object.entries(sources).filter(
  ([path]) => !/\.(test|bench)\.ts$|\/(view|mounted|samples)\b/.test(path),
);

test.each(files)("%s says things by their names", (path, source) => {
  for (const text of texts(path, source)) for (const word of BANNED) expect(text).not.toMatch(word);
});

test("texts are found in markup, attributes and code", () => {
  const source = `<script>const a = "One", b = \`Two \${a}\`;</script><p title="Three">Four {a ? "Five" : ""}</p>`;
  const found = texts("a.svelte", source).map((text) => text.trim());
  for (const text of ["One", "Two", "Three", "Four", "Five"]) expect(found).toContain(text);
  expect(texts("a.ts", 'const command = { do: "release" }, word: string = "Six";')).toEqual([
    "Six",
  ]);
});
