import { z } from "zod";

type LayerType = "sliding_attention" | "full_attention";

/** `layer_types` of config.json, which transformers 5 writes for every model that has both kinds. */
export const layerTypes: z.ZodType<readonly LayerType[] | null | undefined> = z
  .array(z.enum(["sliding_attention", "full_attention"]))
  .nullish();

export function layerTypesOf(sliding: readonly boolean[]): LayerType[] {
  return sliding.map((slides) => (slides ? "sliding_attention" : "full_attention"));
}

/**
 * Which of the layers slide: as `types` say, or where there are none as `otherwise` does.
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
