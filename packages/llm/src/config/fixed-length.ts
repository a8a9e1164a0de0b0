import { CorellaError } from "@corella/errors";
import type { DecoderConfig } from "./decoder.ts";
import type { RopeConfig } from "./rope.ts";

/**
 * The decoder with its RoPE as it is in sequences of one length: of the kinds dynamic and longrope, which depend on the longest
 * sequence of a batch, a score then no longer depends on what stands beside it. Other kinds stay as they are. Servers do so with
 * the longest length that they allow.
 * @param length in tokens
 * @throws CorellaError `llm/rope-length` for one that is no whole number from 1 on
 */
export function withFixedLength(config: DecoderConfig, length: number): DecoderConfig {
  const { sliding } = config;
  if (!(Number.isInteger(length) && length > 0)) {
    throw new CorellaError({
      code: "llm/rope-length",
      message: `The length ${length} is no number of tokens.`,
      place: "ropeLength",
      remedy: "Give the length of the longest prompt.",
    });
  }
  const fixed = (rope: RopeConfig): RopeConfig => ropeAtLength(rope, length, config.headDim);
  return {
    ...config,
    rope: fixed(config.rope),
    ...(sliding === undefined ? {} : { sliding: { ...sliding, rope: fixed(sliding.rope) } }),
  };
}

function ropeAtLength(rope: RopeConfig, length: number, headDim: number): RopeConfig {
  if (rope.kind === "longrope") {
    const factors = length > rope.originalMaxPositions ? rope.longFactors : rope.shortFactors;
    return { ...rope, shortFactors: factors, longFactors: factors };
  }
  if (rope.kind !== "dynamic") return rope;
  // "NTK-aware": the base grows so that the slowest pair turns slower by `stretch`, the fastest one as before.
  const stretch = Math.max(1, (rope.factor * length) / rope.maxPositions - (rope.factor - 1));
  return { kind: "default", theta: rope.theta * stretch ** (headDim / (headDim - 2)) };
}
