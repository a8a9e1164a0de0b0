import { sigmoid } from "./index.ts";

/** Uniform numbers of a multiplicative generator, always the same of a seed. */
export function uniform(seed: number): () => number {
  let state = (seed * 48_271) % 2_147_483_647;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Noise of mean 0 and variance 1, near normal: the sum of three uniform numbers. */
export function noise(seed: number): () => number {
  const next = uniform(seed);
  return () => 2 * (next() + next() + next()) - 3;
}

/** What `drawn` draws. */
export interface Draw {
  readonly count: number;
  /** Of the LLM's logit in the truth: 0 for an LLM that knows nothing. */
  readonly weight: number;
  /** Added to the truth's logit. */
  readonly bias?: number;
  /** Mean and spread of the LLM's logits. */
  readonly llm?: { readonly mean: number; readonly spread: number };
  /** Consecutive rows of one user, who leans to one answer by this standard deviation. */
  readonly users?: { readonly rows: number; readonly spread: number };
  readonly seed?: number;
}

/** Answers and labels drawn from sigmoid(crm + weight * (llm - its mean) + bias + the user's lean). */
export function drawn({
  count,
  weight,
  bias = 0,
  llm = { mean: 0.5, spread: 1 },
  users = { rows: 1, spread: 0 },
  seed = 7,
}: Draw): { pCrm: number[]; pLlm: number[]; labels: number[]; users: number[] } {
  const normal = noise(seed);
  const draw = uniform(seed + 1000);
  const lean = Array.from({ length: Math.ceil(count / users.rows) }, () => users.spread * normal());
  const owner = Array.from({ length: count }, (_, row) => Math.floor(row / users.rows));
  const crm = owner.map(() => 1.5 * normal());
  const deviation = owner.map(() => llm.spread * normal());
  const labels = owner.map((user, row) =>
    draw() < sigmoid(crm[row]! + weight * deviation[row]! + bias + lean[user]!) ? 1 : 0,
  );
  return {
    pCrm: crm.map(sigmoid),
    pLlm: deviation.map((value) => sigmoid(value + llm.mean)),
    labels,
    users: owner,
  };
}
