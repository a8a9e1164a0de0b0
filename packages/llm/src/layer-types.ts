import { z } from "zod";

type LayerType = "sliding_attention" | "full_attention";

/** `layer_types` of config.json, which transformers 5 writes for every model that has both kinds. */
export const layerTypes: z.ZodType<readonly LayerType[] | null | undefined> = z
  .array(z.enum(["sliding_attention", "full_attention"]))
  .nullish();

export function layerTypesOf(sliding: readonly boolean[]): LayerType[] {
  return sliding.map((slides) => (slides ? "sliding_attention" : "full_attention"));
}
