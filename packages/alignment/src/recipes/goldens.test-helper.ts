import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSafetensors, toFloat32 } from "@corella/safetensors";

/** Recorded arrays by their names. */
export type Golden = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** Reads a file of goldens; see goldens/README.md. @param name without its ending */
export function golden(name: string): Golden {
  const bytes = readFileSync(join(import.meta.dirname, "../goldens", `${name}.safetensors`));
  return new Map(
    [...parseSafetensors(bytes).tensors].map(([key, view]) => [
      key,
      { shape: view.shape, data: toFloat32(view) },
    ]),
  );
}
