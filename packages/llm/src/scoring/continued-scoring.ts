import type { Feed, Inference, Part, Program } from "@corella/engine";
import { foldSequences, type FoldedSequences } from "../batching/folded-sequences.ts";
import { continuedFeeds, type PackLimits } from "../batching/pack-tokens.ts";
import { fitted } from "../batching/prepare-tokens.ts";
import { sharedPrefixes } from "../batching/shared-prefixes.ts";
import { keysOf, valuesOf, type ContinuedOutput } from "../decoder/continued-decoder.ts";
import { answerDifference, type AnswerScoring } from "../decoder/losses.ts";
import type { KnownPrefixes, KnownRows } from "./prefix-cache.ts";
import type { Differences } from "./packed-scoring.ts";

/** What `continuedDecoder` scores by, and keys and values of the batch's tokens under the names of its inputs. */
export function continuedProgram(part: Part<ContinuedOutput>, scoring?: AnswerScoring): Program {
  return {
    ...part,
    forward(scope) {
      const { rows, ...output } = part.forward(scope);
      const known = rows.flatMap(({ keys, values }, layer) => [
        [keysOf(layer), keys],
        [valuesOf(layer), values],
      ]);
      return {
        outputs: { logitDifference: answerDifference(output, scoring), ...Object.fromEntries(known) },
      };
    },
  };
}

/**
 * Scores by `continuedProgram`: sequences that begin alike go on from the longest beginning that is known, and what they begin
 * with is known from then on. Of a sequence that shares its beginning with no other, all but the last token is kept.
 */
export function continuedDifferences(
  run: Inference["run"],
  known: KnownPrefixes,
  limits: PackLimits,
): Differences {
  return async (given, signal) => {
    const { fitting, cut } = fitted(given, limits);
    const logits = new Float32Array(given.length);
    for (const { sequences, shared, answers, rows } of batchesOf(fitting, limits)) {
      signal?.throwIfAborted();
      const first = answers.reduce((least, { length }) => Math.min(least, length), Number.POSITIVE_INFINITY);
      // The token that an answer follows is computed, known or not.
      const found = known.find(sequences[0]!, Math.min(shared, first - 1));
      const outputs = await run({
        ...continuedFeeds({ sequences, shared, known: found.length, answers }),
        ...Object.fromEntries(
          found.layers.flatMap(({ keys, values }, layer) => [
            [keysOf(layer), rowsFeed(keys, found.length)],
            [valuesOf(layer), rowsFeed(values, found.length)],
          ]),
        ),
      });
      const own = found.layers.map((_, layer): KnownRows => ({
        keys: outputs[keysOf(layer)]!.data as Float32Array,
        values: outputs[valuesOf(layer)]!.data as Float32Array,
      }));
      known.keep(sequences[0]!, shared, found, own);
      rows.forEach((row, i) => {
        logits[row] = outputs["logitDifference"]!.data[i]!;
      });
    }
    return { logitDifference: logits, cut };
  };
}

/** Sequences of one batch, which all begin alike, and the rows that their answers belong to. */
interface ContinuedBatch extends Pick<FoldedSequences, "answers"> {
  readonly sequences: readonly ArrayLike<number>[];
  readonly shared: number;
  readonly rows: Uint32Array;
}

function batchesOf(
  fitting: readonly ArrayLike<number>[],
  { tokenBudget = 4096 }: PackLimits,
): ContinuedBatch[] {
  const { hosts, answers } = foldSequences(fitting);
  const computed = hosts.map((row) => fitting[row]!);
  const rowsOf = hosts.map((): number[] => []);
  answers.forEach(({ host }, row) => rowsOf[host]!.push(row));
  return sharedPrefixes(computed).flatMap(({ length, members }) => {
    // Those that share nothing come alone.
    if (length === 0) return members.map((member) => batchOf([member], computed[member]!.length - 1));
    const most = members.reduce((longest, member) => Math.max(longest, computed[member]!.length - length), 1);
    const size = Math.max(1, Math.floor((tokenBudget - length) / most));
    return chunks(members, size).map((chunk) => batchOf(chunk, length));
  });

  function batchOf(members: readonly number[], shared: number): ContinuedBatch {
    const rows = members.flatMap((member) => rowsOf[member]!);
    const numberOf = new Map(members.map((member, number) => [member, number]));
    return {
      sequences: members.map((member) => computed[member]!),
      shared,
      answers: rows.map((row) => ({ ...answers[row]!, host: numberOf.get(answers[row]!.host)! })),
      rows: Uint32Array.from(rows),
    };
  }
}

function chunks(members: readonly number[], size: number): (readonly number[])[] {
  return Array.from({ length: Math.ceil(members.length / size) }, (_, i) =>
    members.slice(i * size, (i + 1) * size),
  );
}

/** A row of each token, or the one that stands where there is none. */
function rowsFeed(data: Float32Array, tokens: number): Feed {
  const rows = Math.max(tokens, 1);
  return { shape: [rows, data.length / rows], data };
}
