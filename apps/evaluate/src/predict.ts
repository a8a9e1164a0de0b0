import { routingSignals, type Bundle, type Predictor } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import { batches, placesByUser, recordsAt, type InteractionLog } from "@corella/modality";
import type { RoutingSignals } from "@corella/routing";
import type { Counter } from "./counter.ts";

/** Answers of a bundle's models to the same rows; a bundle may hold one model alone. */
export interface Predictions {
  readonly rows: Uint32Array;
  readonly labels: Float32Array;
  /** What a learned policy and weights by segment read of each row. */
  readonly signals: RoutingSignals;
  readonly crm?: Float32Array;
  readonly llm?: Float32Array;
}

/** Samples between two signs of progress. */
const chunkSize = 250;

/** The error of a scoring that was interrupted. @param remedy how it goes on */
export function interrupted(remedy: string): CorellaError {
  return new CorellaError({ code: "evaluate/interrupted", message: "Interrupted while scoring.", remedy });
}

/**
 * Scores rows of a log with every model of a bundle.
 * @param title of what is counted
 * @throws CorellaError `evaluate/interrupted` when the signal is aborted
 */
export async function predictRows(
  bundle: Pick<
    Bundle,
    "models" | "statistics" | "historyLength" | "historyTies" | "featureMap" | "catalogue"
  >,
  predictor: Predictor,
  log: InteractionLog,
  rows: Uint32Array,
  counter: Counter,
  title: string,
  signal?: AbortSignal,
): Promise<Predictions> {
  const answers = Object.fromEntries(bundle.models.map((model) => [model, new Float32Array(rows.length)]));
  const { crm, llm } = answers;
  const { featureMap, catalogue } = bundle;
  const signals: Record<string, Float64Array> = {};
  counter.start(rows.length, title);
  for (const places of batches(placesByUser(log, rows), chunkSize)) {
    if (signal?.aborted === true) throw interrupted("The same command begins anew; --rows scores fewer.");
    const records = recordsAt(
      log,
      places.map((place) => rows[place]!),
      bundle,
    );
    const predictions = await predictor.score(records, { policy: { kind: "all" } });
    const known = routingSignals(records, featureMap && { featureMap, catalogue });
    for (const [name, values] of Object.entries(known)) {
      const all = (signals[name] ??= new Float64Array(rows.length));
      for (const [i, place] of places.entries()) all[place] = values[i]!;
    }
    predictions.forEach(({ pCrm, pLlm, degraded }, i) => {
      // Figures of the LLM need its answers.
      if (degraded !== undefined) throw degraded.cause;
      const place = places[i]!;
      if (crm) crm[place] = pCrm!;
      if (llm) llm[place] = pLlm!;
    });
    counter.add(places.length);
  }
  counter.stop();
  const labels = Float32Array.from(rows, (row) => log.label[row]!);
  return { rows, labels, signals: { historyLengths: new Float64Array(0), ...signals }, ...answers };
}
