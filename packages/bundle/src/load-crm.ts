import { createRuntime, type OnnxFileOptions, type RuntimeConfig } from "@corella/engine";
import type { RatingRecord } from "@corella/modality";
import { recoverFolder } from "@corella/files";
import { readModality, readTrainedCrm, type CrmModality, type TrainedCrm } from "./crm-folder.ts";
import { createCrmLane } from "./lanes.ts";
import { verifyManifest } from "./manifest.ts";

/** A CRM that is ready to score. */
export interface LoadedCrm extends TrainedCrm, CrmModality {
  /** The probability of a positive for each record. */
  score(records: readonly RatingRecord[]): Promise<Float32Array>;
  /** The model as a standard ONNX file for any batch size: inputs `input.<feature>`, outputs `output.logit` and `output.probability`. */
  exportOnnx(path: string, options?: OnnxFileOptions): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * Opens the CRM of a folder that `saveCrm` wrote, or of a whole bundle.
 * @throws CorellaError `bundle/missing`, `bundle/format`, `bundle/damaged`
 */
export async function loadCrm(
  folder: string,
  options: { readonly runtime?: RuntimeConfig | undefined } = {},
): Promise<LoadedCrm> {
  await recoverFolder(folder);
  await verifyManifest(folder);
  const modality = await readModality(folder);
  const crm = await readTrainedCrm(folder, modality.featureMap);
  const lane = await createCrmLane(crm, modality, await createRuntime(options.runtime));
  return { ...crm, ...modality, ...lane };
}
