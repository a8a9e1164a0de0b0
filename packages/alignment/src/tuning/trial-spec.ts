import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import { codeKey } from "../code-key.ts";
import { parseRunConfig, type RunConfig } from "../config/config.ts";
import type { TrialKind } from "./search-space.ts";
import type { TrialRecord } from "./trial.ts";

/** Version of the files between a search and its units. */
const specVersion = 1;

/** A unit of work of a search: one trial, from its checkpoint to the end of a rung. It survives JSON. */
export interface TrialSpec {
  readonly version: typeof specVersion;
  readonly kind: TrialKind;
  /** The hash of the code that the search was planned by: another one would train something else under the same name. */
  readonly code: string;
  /** Every default filled in; seed and threads are among it, so that every attempt computes the same bits. */
  readonly config: RunConfig;
  /** Relative paths of the configuration start here. All folders are absolute, and the same on every machine. */
  readonly baseFolder: string;
  readonly cacheFolder: string;
  /** Of the trial: checkpoints, records and results. */
  readonly folder: string;
  /** The end of the rung; `null`: that of the training. */
  readonly epochs: number | null;
  /** Whether the test part is scored; only at the end of a training. */
  readonly test: boolean;
}

/** What a unit leaves. It follows from the spec alone, so every attempt leaves the same bytes; what it cost stands elsewhere. */
export interface TrialResult extends Omit<TrialRecord, "seconds" | "status"> {
  readonly status: "finished" | "paused" | "diverged";
}

/** A spec of this version. */
export async function trialSpec(unit: Omit<TrialSpec, "version" | "code">): Promise<TrialSpec> {
  return { version: specVersion, code: await codeKey(unit.kind), ...unit };
}

/**
 * Reads the spec of a unit.
 * @throws CorellaError `tune/spec` for a file that is none or of another version, `tune/other-code` where this machine has other code
 * than the search, `config/invalid`
 */
export async function readSpec(path: string): Promise<TrialSpec> {
  const failed = (message: string, cause?: unknown): CorellaError =>
    new CorellaError({
      code: "tune/spec",
      message,
      place: path,
      remedy: "Specs are written by a search; its folder of trials must be the same on every machine.",
      cause,
    });
  let spec: TrialSpec;
  try {
    spec = JSON.parse(await readFile(path, "utf8")) as TrialSpec;
  } catch (cause) {
    throw failed("The spec of a trial cannot be read.", cause);
  }
  if (spec.version !== specVersion)
    throw failed(`The spec has version ${String(spec.version)}; this program reads ${specVersion}.`);
  if (spec.code !== (await codeKey(spec.kind)))
    throw new CorellaError({
      code: "tune/other-code",
      message: "The search was planned by other code than this machine has.",
      place: path,
      remedy: "Bring all machines to the same version, and start the search again.",
    });
  return { ...spec, config: parseRunConfig(spec.config, path) };
}

/** The file of a unit's result. */
export function resultFile({ folder, epochs, test }: Pick<TrialSpec, "folder" | "epochs" | "test">): string {
  return join(folder, `result-${epochs ?? "whole"}${test ? "-test" : ""}.json`);
}

/** The result of a unit; undefined when there is none. */
export async function readTrialResult(
  unit: Pick<TrialSpec, "folder" | "epochs" | "test">,
): Promise<TrialResult | undefined> {
  const text = await readFile(resultFile(unit), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as TrialResult);
}
