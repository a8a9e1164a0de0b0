import { readFile } from "node:fs/promises";
import { writeFileAtomic } from "@corella/files";
import { base64, bytesOf } from "../base64.ts";
import type { NamedPredictions, PartPredictions } from "../predictions.ts";
import type { RecipeResult } from "../recipes/recipe.ts";

/** What is kept of a run: all that its models say, and what it cost. */
export interface ExperimentResult extends Pick<RecipeResult, "served" | "baseline" | "test" | "validation"> {
  /** Spent in training phases, over all calls and with those that other runs share; without the time of calls that were killed. */
  readonly trainingSeconds: number;
  /** Spent on scoring. */
  readonly scoringSeconds: number;
  /** Keys of the code that trained its phases and scored it, each once. */
  readonly code: readonly string[];
}

/** In the place of a key, of what was kept before keys were. */
export const unknownCode = "unknown";

/** Arrays as base64 of their bytes. */
interface StoredPart {
  readonly rows: string;
  readonly labels: string;
  readonly predictions: readonly (Omit<NamedPredictions, "probabilities"> & {
    readonly probabilities: string;
  })[];
}

type StoredResult = Omit<ExperimentResult, "test" | "validation" | "code"> & {
  readonly code?: readonly string[];
  readonly test: StoredPart;
  readonly validation?: StoredPart;
};

/** Writes a result, whole or not at all. */
export async function writeResult(path: string, result: ExperimentResult): Promise<void> {
  const { test, validation, ...rest } = result;
  const stored: StoredResult = {
    ...rest,
    test: storedPart(test),
    ...(validation === undefined ? {} : { validation: storedPart(validation) }),
  };
  await writeFileAtomic(path, `${JSON.stringify(stored)}\n`);
}

/** Reads a result; undefined where there is none. */
export async function readResult(path: string): Promise<ExperimentResult | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { test, validation, ...rest } = JSON.parse(text) as StoredResult;
  return {
    ...rest,
    code: rest.code ?? [unknownCode],
    test: readPart(test),
    ...(validation === undefined ? {} : { validation: readPart(validation) }),
  };
}

function storedPart({ rows, labels, predictions }: PartPredictions): StoredPart {
  return {
    rows: base64(rows),
    labels: base64(labels),
    predictions: predictions.map((each) => ({ ...each, probabilities: base64(each.probabilities) })),
  };
}

function readPart({ rows, labels, predictions }: StoredPart): PartPredictions {
  return {
    rows: new Uint32Array(bytesOf(rows)),
    labels: new Float32Array(bytesOf(labels)),
    predictions: predictions.map((each) => ({
      ...each,
      probabilities: new Float32Array(bytesOf(each.probabilities)),
    })),
  };
}
