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
  let step = 0;
  listener.phaseStarted?.({
    name: "scoring",
    title,
    steps,
    step,
    samplesPerStep: chunkSize,
    validations: [],
  });
  try {
    const results: Answers<Name>[] = [];
    for (const rows of parts) {
      const answers: Record<string, Float32Array> = {};
      const order = placesByUser(data.log, rows);
      for (const [position, [name, lane]] of named.entries()) {
        // Where not every row is scored, the others are as unsure as can be.
        const scores = new Float32Array(rows.length).fill(0.5);
        const scoring = { name, title: `${title}: ${name}`, count: rows.length, chunkSize };
        await inChunks(scoring, async (start, end) => {
          const places = order.subarray(start, end);
          const chunk = places.map((place) => rows[place]!);
          const records = recordsAt(data.log, chunk, { statistics });
          const saidOf = (place: number): number | undefined =>
            known === undefined ? answers["crm"]?.[place] : sigmoid(known.get(rows[place]!)!);
          const told =
            name === "crm" ? records : records.map((record, i) => ({ ...record, pCrm: saidOf(places[i]!) }));
          const answered = await lane.score(told);
          for (const [i, place] of places.entries()) scores[place] = answered[i]!;
          if (position === named.length - 1) listener.stepDone?.("scoring", ++step, Number.NaN);
        });
        answers[name] = scores;
      }
      results.push(answers as Answers<Name>);
    }
    return results;
  } finally {
    await Promise.all(named.map(([, lane]) => lane.dispose()));
  }
}
