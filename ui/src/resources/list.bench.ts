/** `npm run bench`: what one key press costs with 10,000 resources. */
import { bench } from "vitest";
import { layOut, search, searchable, visible } from "./list";
import { resource } from "./samples";

const many = Array.from({ length: 10_000 }, (_, index) =>
  resource(index, `Database ${index}`, { keywords: `network-${index % 7} production` }),
);
const all = searchable(many);

bench("prepare 10,000 resources, once per push", () => {
  searchable(many);
});

for (const query of ["d", "base 77", "no such thing"]) {
  bench(`search "${query}", lay out, pick what is in sight`, () => {
    visible(layOut(search(all, query), 0), 0, 0, 700);
  });
}
