import type { FuxiCtrFeature } from "./features.ts";

/** What FuxiCTR computed for one model and one batch, as `make_crm_goldens.py` records it. */
export interface FuxiCtrCase {
  readonly case: string;
  readonly model: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly fields: readonly FuxiCtrFeature[];
  /** Of batch normalisation and dropout while the gradients and steps were taken. */
  readonly mode: "train" | "eval";
  readonly adam: { readonly lr: number; readonly betas: readonly [number, number]; readonly eps: number };
  /** Tensors whose value is rounding noise. */
  readonly noisy: readonly string[];
  /** Largest differences by group, and in some files by tensor. */
  readonly diff_f32_f64: {
    readonly groups: Readonly<Record<string, number>>;
    readonly tensors?: Readonly<Record<string, number>>;
  };
}

/** Tensors of a case: `input.*` ids, all others float32. */
export type CaseTensors = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly data: Float32Array | Int32Array }>
>;

export interface CaseDifference {
  readonly group: string;
  readonly tensor: string;
  readonly ours: Float32Array;
  readonly golden: Float32Array;
}
