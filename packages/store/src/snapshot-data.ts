import {
  type RunningStatistics,
  statisticsFromFiles,
  statisticsToFiles,
  type StatisticsPlan,
} from "@corella/modality";
import { parseSafetensors, serializeSafetensors } from "@corella/safetensors";

/** The tensor that holds what running statistics say beside their arrays, as bytes of JSON. */
const factsTensor = "facts";

/** What running statistics have counted, as the bytes of a safetensors file. */
export function statisticsToBytes(statistics: RunningStatistics): Uint8Array {
  const { json, tensors } = statisticsToFiles(statistics);
  const facts = new TextEncoder().encode(JSON.stringify(json));
  return serializeSafetensors({
    ...tensors,
    [factsTensor]: { dtype: "U8", shape: [facts.length], data: facts },
  });
}

/**
 * Restores running statistics.
 * @param place names the bytes in errors
 * @throws CorellaError `features/bad-statistics` where they are not of this plan
 */
export function statisticsFromBytes(
  plan: StatisticsPlan,
  data: Uint8Array,
  place: string,
): RunningStatistics {
  const { tensors } = parseSafetensors(data, place);
  const facts = tensors.get(factsTensor);
  const json: unknown = facts === undefined ? undefined : JSON.parse(new TextDecoder().decode(facts.data));
  return statisticsFromFiles(plan, { json, tensors }, place);
}
