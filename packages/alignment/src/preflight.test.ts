import { catalogueFromLog, createLog, promptSchema } from "@corella/modality";
import { expect, test } from "vitest";
import type { ResolvedConfig } from "./run.ts";
import type { PreparedData } from "./data.ts";
import { requireRoomForSamples } from "./preflight.ts";

const log = createLog({
  user: new Int32Array(12),
  item: Int32Array.from({ length: 12 }, (_, row) => row % 3),
  rating: new Float32Array(12).fill(5),
  time: Float64Array.from({ length: 12 }, (_, row) => 1.6e9 + row),
  label: new Uint8Array(12).fill(1),
  users: { ids: ["u"], activeCount: 1, attributes: [{}] },
  items: { ids: ["a", "b", "c"], activeCount: 3, attributes: [{ title: "Heat" }, { title: "Alien" }, {}] },
  history: { maxLength: 10, ties: "exclude" },
  likedThreshold: 4,
});
const train = Uint32Array.from({ length: 12 }, (_, row) => row);
const data = { log, split: { train }, catalogue: catalogueFromLog(log) } as unknown as PreparedData;
/** A token a word. */
const tokenizer = { countTokens: (text: string) => text.split(" ").length };

function require(maxTokens: number): void {
  const prompt = promptSchema.parse({ template: "It was {{user_history}} : is {{target_item}} liked?" });
  const config = { prompt, llm: { maxTokens }, seed: 1 } as unknown as ResolvedConfig;
  requireRoomForSamples(config, data, { tokenizer } as unknown as Parameters<
    typeof requireRoomForSamples
  >[2]);
}

test("a token limit that cuts the sample itself is refused, one that costs history is not", () => {
  // Without history: It was none : is "Heat" liked?
  expect(() => require(5)).toThrow(
    expect.objectContaining({
      code: "config/max-tokens",
      place: "llm.maxTokens",
      remedy: "Leave it out for the default, or set 7 at least.",
    }),
  );
  expect(() => require(7)).not.toThrow();
});
