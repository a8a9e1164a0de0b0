import type { FuxiCtrFeature } from "./features.ts";

/** What FuxiCTR computed for one model and one batch, as `make_crm_goldens.py` records it. */
export interface FuxiCtrCase {
  readonly case: string;
  readonly model: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly fields: readonly FuxiCtrFeature[];
  /** How batch normalisation and dropout behaved while the gradients and steps were taken. */
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

/** One tensor of a case as FuxiCTR computed it (`golden`) and as our model does; both row-major. */
export interface CaseDifference {
  /** The kind of tensor, by which `fuxiCtrTolerance` bounds the difference: `logit`, `grad`, `after3` and others. */
  readonly group: string;
  /** Names in the recorded file; several that are one tensor here are joined by ` + `. */
  readonly tensor: string;
  readonly ours: Float32Array;
  readonly golden: Float32Array;
}
