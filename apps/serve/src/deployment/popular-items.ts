import type { Catalogue } from "@corella/modality";
import type { Histories } from "@corella/bundle";

/** Users among whose events items are counted. */
const sampleSize = 2000;

/**
 * Items of a catalogue: those with most of the latest events of up to 2,000 users first, ties in the catalogue's order, then others
 * spread evenly over the catalogue.
 * @param count of items; fewer where the catalogue has fewer
 */
export function popularItems(histories: Histories, catalogue: Catalogue, count: number): string[] {
  const events = new Map<string, number>();
  for (const user of histories.some(sampleSize))
    for (const { item } of histories.of(user)) events.set(item, (events.get(item) ?? 0) + 1);
  const counted = catalogue.ids.filter((id) => events.has(id));
  const popular = new Set(counted.toSorted((a, b) => events.get(b)! - events.get(a)!).slice(0, count));
  const size = catalogue.ids.length;
  const spread = Math.min(count, size);
  for (let i = 0; i < spread && popular.size < count; i++)
    popular.add(catalogue.ids[Math.floor((i * size) / spread)]!);
  return [...popular];
}
