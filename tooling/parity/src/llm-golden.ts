import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Batch, Runtime } from "@corella/engine";
import type { PretrainedModel } from "@corella/llm";
import { parseSafetensors, toFloat32, toInt32, type TensorView } from "@corella/safetensors";
import { largestDifference, type Comparison } from "./comparison.ts";

/** golden.json and golden.safetensors of a case or an adapter. */
export interface Golden {
  readonly facts: {
    readonly texts: readonly string[];
    readonly yes_id: number;
    readonly no_id: number;
    readonly labels: readonly number[];
    readonly adamw: { readonly lr: number; readonly weight_decay: number; readonly steps: number };
    /** In goldens of the alignment: the layers whose hidden states are compared. */
    readonly layers: readonly number[];
    /** In goldens of GGUF: the tensors by file name. */
    readonly files: Readonly<
      Record<
        string,
        {
          readonly tensors: readonly {
            readonly name: string;
            readonly type: string;
            readonly shape: readonly number[];
            readonly sha256_f32: string;
          }[];
        }
      >
    >;
    /** Losses, also in double precision: what ours are compared with. */
    readonly scalars: Readonly<Record<string, { readonly f64: readonly number[] }>>;
  };
  readonly names: readonly string[];
  shape(name: string): readonly number[];
  floats(name: string): Float32Array;
  integers(name: string): Int32Array;
}

/** A recorded decoder, loaded, with what was recorded of it and the runtime to compare on. */
export interface DecoderCase {
  readonly label: string;
  readonly model: PretrainedModel;
  readonly golden: Golden;
  readonly runtime: Runtime;
}

/** Reads golden.json and golden.safetensors of a folder. Asking for a tensor that is not there throws. */
export async function readGolden(folder: string): Promise<Golden> {
  const facts = JSON.parse(await readFile(join(folder, "golden.json"), "utf8")) as Golden["facts"];
  const { tensors } = parseSafetensors(await readFile(join(folder, "golden.safetensors")));
  const view = (name: string): TensorView => {
    const found = tensors.get(name);
    if (found === undefined) throw new Error(`${folder}/golden.safetensors lacks ${name}`);
    return found;
  };
  return {
    facts,
    names: [...tensors.keys()],
    shape: (name) => view(name).shape,
    floats: (name) => toFloat32(view(name)),
    integers: (name) => toInt32(view(name)),
  };
}

/** The decoder's feeds from the recorded batch, padded on one side. */
export function recordedFeeds(golden: Golden, side: "right" | "left"): Batch {
  const shape = golden.shape(`${side}.input_ids`);
  const time = shape[1]!;
  return {
    tokens: { shape, data: golden.integers(`${side}.input_ids`) },
    positions: { shape, data: golden.integers(`${side}.position_ids`) },
    visible: { shape, data: golden.integers(`${side}.attention_mask`) },
    index: { shape: [time], data: Int32Array.from({ length: time }, (_, i) => i) },
    last: { shape: [shape[0]!], data: golden.integers(`${side}.last`) },
  };
}

/** What is compared, as far as tolerances differ. */
export type Tolerance =
  | "hidden"
  | "logits"
  | "probability"
  | "loss"
  | "gradient"
  | "alignGradient"
  | "adamw"
  | "large";

/**
 * The makers of the goldens measured the largest |f32 - f64| of each kind over their two sets (their README). Two f32
 * results may differ by twice that; losses are compared with f64. AdamW's first steps are the sign of the gradient, so
 * noise in a gradient near 0 moves a parameter by up to 2.2e-4.
 */
export const tolerances: Readonly<Record<Tolerance, number>> = {
  hidden: 2 * 1.6e-5,
  logits: 2 * 5.8e-6,
  probability: 2 * 5.3e-7,
  loss: 1.6e-6,
  gradient: 2 * 8.3e-6,
  alignGradient: 2 * 3.1e-4,
  adamw: 2.2e-4,
  /** A sum of about 100. */
  large: 3.1e-5,
};

/** Collects comparisons, one for each group: its largest difference. */
export function collector(label: string): {
  add(group: string, tolerance: Tolerance, ours: ArrayLike<number>, theirs: ArrayLike<number>): void;
  readonly results: () => Comparison[];
} {
  const groups = new Map<string, { difference: number; tolerance: number }>();
  return {
    add(group, tolerance, ours, theirs) {
      const difference = largestDifference(ours, theirs);
      const known = groups.get(group)?.difference ?? 0;
      groups.set(group, { difference: Math.max(known, difference), tolerance: tolerances[tolerance] });
    },
    results: () => [...groups].map(([group, values]) => ({ case: label, group, ...values })),
  };
}
