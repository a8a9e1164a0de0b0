import type { Activation } from "./activation.ts";
import type { RopeConfig } from "./rope.ts";

/**
 * What a decoder is like, of whichever architecture: sizes by their names in the papers, and in what architectures
 * differ. `parseDecoderConfig` reads it from Hugging Face's config.json, `toHuggingFace` writes it.
 */
export interface DecoderConfig {
  readonly architecture: "llama" | "mistral" | "qwen2" | "qwen3" | "olmo2" | "gemma3";
  /**
   * True of the text model of a checkpoint that sees pictures (Gemma3ForConditionalGeneration), as it was loaded: there
   * transformers and PEFT call its modules otherwise. Absent where the decoder is all there is.
   */
  readonly multimodal?: true | undefined;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** The nonlinearity of the feed-forward layers' gates. Default silu, Gemma's geluTanh. */
  readonly activation?: Activation | undefined;
  readonly rmsNormEpsilon: number;
  /** Longest sequence. */
  readonly maxPositions: number;
  readonly rope: RopeConfig;
  /** Layers that see the newest tokens only; absent where all layers see everything. */
  readonly sliding?: SlidingConfig | undefined;
  /** The attention scores are divided by its root. Default headDim. */
  readonly queryScalar?: number | undefined;
  /** Which projections have a bias. */
  readonly bias: { readonly queryKeyValue: boolean; readonly output: boolean; readonly mlp: boolean };
  /** RMS norm of queries and keys before RoPE: of each head (Qwen3, Gemma 3) or of all heads together (OLMo 2). */
  readonly queryKeyNorm: "none" | "head" | "projection";
  /** The head is the embedding matrix. */
  readonly tieWordEmbeddings: boolean;
  readonly initializerRange: number;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  readonly padTokenId: number | undefined;
}

/** The layers whose queries see the newest tokens only, and their RoPE. */
export interface SlidingConfig {
  /** A query sees the keys of its own position and of the window - 1 before it. */
  readonly window: number;
  readonly rope: RopeConfig;
  /** Which layers slide. */
  readonly layers: readonly boolean[];
}
