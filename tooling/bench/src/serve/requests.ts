import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openBundle, openCrmLane } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import { encodeRecords, type RatingRecord } from "@corella/modality";
import { float32Tensor, writeSafetensors, type TensorToWrite } from "@corella/safetensors";
import { createGenerator } from "@corella/random";

/** A sample as it is sent. */
export interface SampleRequest {
  readonly user: string;
  readonly item: string;
  readonly time: number;
}

/** What the measures send, and what the peer has to know of it. */
export interface Requests {
  readonly samples: readonly SampleRequest[];
  /** What the bundle's CRM answers to them. */
  readonly expected: Float32Array;
  readonly hasLlm: boolean;
}

/**
 * Draws samples of users and items that a bundle knows, and writes into a folder what the peer serves: `crm.onnx`, the bundle's CRM, and
 * `rows.safetensors`, the encoded inputs of every sample. The peer looks these up: it has neither to know histories and running
 * statistics nor to encode them, which ours does for every request.
 */
export async function prepareRequests(
  bundleFolder: string,
  folder: string,
  count: number,
): Promise<Requests> {
  const bundle = await openBundle(bundleFolder);
  if (!bundle.models.includes("crm")) {
    throw new CorellaError({
      code: "bench/no-crm",
      message: "The bundle has no CRM.",
      place: bundleFolder,
      remedy: "Measure a bundle of both models or of the CRM alone.",
    });
  }
  const [{ featureMap, statistics }, histories] = await Promise.all([bundle.crm(), bundle.histories()]);
  const { catalogue } = bundle;
  const random = createGenerator(1, "requests");
  const users = histories.some(count);
  const time = Math.floor(histories.latest) + 3600;
  const samples = Array.from({ length: count }, (_, i) => ({
    user: users[i % users.length]!,
    item: catalogue.ids[random.integer(catalogue.ids.length)]!,
    time,
  }));
  const records = samples.map(({ user, item }): RatingRecord => {
    const userAttributes = histories.attributesOf(user);
    return {
      user,
      item,
      time,
      history: histories.of(user),
      ...(userAttributes === undefined ? {} : { userAttributes }),
    };
  });
  const lane = await openCrmLane(bundle);
  await lane.exportOnnx(join(folder, "crm.onnx"));
  const expected = await lane.score(records);
  await lane.dispose();
  const { features } = encodeRecords(featureMap, records, catalogue, statistics);
  const tensors: Record<string, TensorToWrite> = {};
  for (const [name, data] of Object.entries(features)) {
    const shape = data.length === count ? [count] : [count, data.length / count];
    tensors[`input.${name}`] =
      data instanceof Int32Array ? { dtype: "I32", shape, data } : float32Tensor(shape, data as Float32Array);
  }
  await writeSafetensors(join(folder, "rows.safetensors"), tensors);
  return { samples, expected, hasLlm: bundle.models.includes("llm") };
}

/** Bodies of single samples: all for the CRM, or every tenth for the LLM. */
export function bodyOf({ samples }: Requests, llm: "never" | "tenth"): (index: number) => string {
  return (index) =>
    JSON.stringify({
      ...samples[index % samples.length],
      llm: llm === "tenth" && index % 10 === 0 ? "always" : "never",
    });
}

/** Writes the samples for the peer, one JSON object a line, in the order of its rows. */
export async function writeSamples(folder: string, { samples }: Requests): Promise<void> {
  await writeFile(
    join(folder, "samples.jsonl"),
    samples.map((sample) => `${JSON.stringify(sample)}\n`).join(""),
  );
}
