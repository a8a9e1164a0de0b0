import { foldSequences } from "@corella/llm";

/** A row as trainers of language models take it: every token, and the token that is to be learned at its place, -100 for none. */
export interface TuningRow {
  readonly inputIds: number[];
  readonly labels: number[];
}

/** The label of a place where nothing is learned, as PyTorch's cross entropy has it. */
export const ignoredLabel = -100;

/**
 * Rows of some samples of one user, or of one sample alone. A prompt that another begins with is asked inside that one's row, so a row has as many labels as
 * one pass answers; behind its last prompt stands the answer. Labels are of the token at their own place: a trainer shifts them.
 * @param prompts token ids of each sample, none empty @param answers of each sample, the token of its answer
 */
export function tuningRows(prompts: readonly ArrayLike<number>[], answers: ArrayLike<number>): TuningRow[] {
  const { hosts, answers: places } = foldSequences(prompts);
  const learned = hosts.map(() => new Map<number, number>());
  const alone: TuningRow[] = [];
  for (const [sample, { host, length }] of places.entries()) {
    const answer = answers[sample]!;
    // The very same prompt twice may have two answers.
    if (learned[host]!.has(length)) alone.push(rowOf(prompts[sample]!, new Map([[length, answer]])));
    else learned[host]!.set(length, answer);
  }
  return [...hosts.map((place, host) => rowOf(prompts[place]!, learned[host]!)), ...alone];
}

/** @param learned tokens by their places; one stands behind the prompt */
function rowOf(prompt: ArrayLike<number>, learned: ReadonlyMap<number, number>): TuningRow {
  const inputIds = [...Array.from(prompt), learned.get(prompt.length)!];
  return { inputIds, labels: inputIds.map((_, place) => learned.get(place) ?? ignoredLabel) };
}
