import { z } from "zod";

type LayerType = "sliding_attention" | "full_attention";

/**
 * The schema of `layer_types` in config.json, which transformers 5 writes for every model that has both kinds of
 * layers.
 */
export const layerTypes: z.ZodType<readonly LayerType[] | null | undefined> = z
  .array(z.enum(["sliding_attention", "full_attention"]))
  .nullish();

/**
 * The content of `layer_types` in config.json.
 * @param sliding for each layer, whether it slides
 */
export function layerTypesOf(sliding: readonly boolean[]): LayerType[] {
  return sliding.map((slides) => (slides ? "sliding_attention" : "full_attention"));
}

/**
 * Says for each layer whether it slides: as `layer_types` of config.json say, or without them as `otherwise` does.
 * @param complain told of more or fewer types than layers
 */
export function slidingLayers(
  types: readonly LayerType[] | null | undefined,
  layers: number,
  otherwise: (layer: number) => boolean,
  complain: (message: string) => void,
): boolean[] {
  if (types == null) return Array.from({ length: layers }, (_, layer) => otherwise(layer));
  if (types.length !== layers) complain(`${types.length} types for ${layers} layers`);
  return types.map((type) => type === "sliding_attention");
}
