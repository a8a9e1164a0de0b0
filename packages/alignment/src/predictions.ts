import type { Lane } from "@corella/bundle";
import { placesByUser, planOfBoth, recordsAt } from "@corella/modality";
import { sigmoid } from "@corella/routing";
import type { Run } from "./run.ts";

/** What one model, or a combination of two, says of samples. */
export interface NamedPredictions {
  /** For programs and files: `crm` and `llm` are the models of the bundle. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** P(label = 1) of each sample. */
  readonly probabilities: Float32Array;
  /** Share of the samples that the LLM answered, 0..1. */
  readonly shareToLlm: number;
}

/** Predictions of a part of the data. */
export interface PartPredictions {
  /** Rows of the log. */
  readonly rows: Uint32Array;
  /** 0 or 1 for each row. */
  readonly labels: Float32Array;
  /** In the order in which they are shown, each with a name of its own. */
  readonly predictions: readonly NamedPredictions[];
}

/** Probabilities by the name of what made them; undefined where a part has none of that name. */
export function probabilitiesOf({ predictions }: PartPredictions, name: string): Float32Array | undefined {
  return predictions.find((each) => each.name === name)?.probabilities;
}

/** Answers of several models to the same rows, by the models' names: P(label = 1). */
export type Answers<Name extends string> = Readonly<Record<Name, Float32Array>>;

/** Records that are scored between two signs of progress: more where one pass answers many of a user's. */
const scoringChunk = { single: 250, dense: 1000 };

/**
 * The answers of models to the rows of some parts, by the very lanes that serve. The lanes are closed.
 * @param lanes by name; the last one is the slowest, by which progress is told; those after `crm` are told what it says
 * @param known logits of a CRM by rows, told in place of that lane's answers
 */
export async function scoreParts<Name extends string>(
  { config, data, listener, inChunks }: Run,
  title: string,
  lanes: Readonly<Record<Name, Lane>>,
  parts: readonly Uint32Array[],
  known?: ReadonlyMap<number, number>,
): Promise<Answers<Name>[]> {
  const chunkSize = scoringChunk[config.llm.supervision];
  const steps = parts.reduce((sum, rows) => sum + Math.ceil(rows.length / chunkSize), 0);
  const named = Object.entries<Lane>(lanes);
  const statistics = planOfBoth(
    "crm" in lanes ? data.featureMap : undefined,
    "llm" in lanes ? config.prompt : undefined,
  );
  const phase = { name: "scoring", title, steps, samplesPerStep: chunkSize, validations: [] };
  let [partStep, isStarted] = [0, false];
  try {
    const results: Answers<Name>[] = [];
    for (const rows of parts) {
      const answers: Record<string, Float32Array> = {};
      const order = placesByUser(data.log, rows);
      for (const [position, [name, lane]] of named.entries()) {
        const isLast = position === named.length - 1;
        const ordered = order.map((place) => rows[place]!);
        const scoring = { name, title: `${title}: ${name}`, rows: ordered, chunkSize };
        const inOrder = await inChunks(scoring, async (start, end) => {
          // Only now is it known how much an earlier process has kept.
          const step = partStep + (isLast ? start / chunkSize : 0);
          if (!isStarted) listener.phaseStarted?.({ ...phase, step });
          isStarted = true;
          const places = order.subarray(start, end);
          const records = recordsAt(data.log, ordered.subarray(start, end), { statistics });
          const saidOf = (place: number): number | undefined =>
            known === undefined ? answers["crm"]?.[place] : sigmoid(known.get(rows[place]!)!);
          const told =
            name === "crm" ? records : records.map((record, i) => ({ ...record, pCrm: saidOf(places[i]!) }));
          const answered = await lane.score(told);
          if (isLast) listener.stepDone?.("scoring", step + 1, Number.NaN);
          return answered;
        });
        const scores = new Float32Array(rows.length);
        for (const [i, place] of order.entries()) scores[place] = inOrder[i]!;
        answers[name] = scores;
      }
      partStep += Math.ceil(rows.length / chunkSize);
      results.push(answers as Answers<Name>);
    }
    return results;
  } finally {
    await Promise.all(named.map(([, lane]) => lane.dispose()));
  }
}
