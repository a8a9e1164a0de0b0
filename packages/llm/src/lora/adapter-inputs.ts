import type { Batch, InputSpec, ParamSpec, Part } from "@corella/engine";
import type { LoadedAdapter } from "./adapter.ts";
import type { DecoderConfig } from "../config/decoder.ts";
import {
  isLoraParam,
  loraModules,
  loraParams,
  loraTargets,
  requirePlainLora,
  type LoraConfig,
} from "./lora.ts";

/**
 * The part with the adapter as an input instead of parameters: a base that is compiled once then serves any number of
 * adapters, one at each run. For inference; dropout is not meant to be there.
 */
export function withAdapterInputs<Result>(part: Part<Result>): Part<Result> {
  const params: Record<string, ParamSpec> = {};
  const inputs: Record<string, InputSpec> = { ...part.inputs };
  for (const [name, spec] of Object.entries(part.params)) {
    if (isLoraParam(name)) inputs[name] = { shape: spec.shape, dtype: "float32" };
    else params[name] = spec;
  }
  return {
    ...part,
    params,
    inputs,
    forward: (scope) =>
      part.forward({
        ...scope,
        param: (name) => (isLoraParam(name) ? scope.input(name) : scope.param(name)),
      }),
  };
}

/**
 * The settings of an adapter that has room for each of several: all their modules, the highest rank, the scale 1.
 * @throws CorellaError `llm/adapter-merge` for an adapter that is only ever merged
 */
export function roomFor(adapters: readonly LoadedAdapter[]): LoraConfig {
  for (const { lora } of adapters) requirePlainLora(lora, "adapters");
  const ranks = adapters.flatMap(({ lora }) => [
    lora.rank,
    ...Object.values(lora.modules ?? {}).map((module) => module.rank),
  ]);
  const rank = Math.max(1, ...ranks);
  const targetModules = [...new Set(adapters.flatMap(({ lora }) => loraTargets(lora)))];
  return { rank, alpha: rank, targetModules };
}

/**
 * The feeds of one adapter for a part made by `withAdapterInputs`, whose `lora` is `room`: the adapter's scale goes
 * into B; rows and columns of higher ranks, and modules that it leaves alone, are zero.
 * @param adapter absent: the base as it is
 */
export function adapterFeeds(
  config: DecoderConfig,
  room: LoraConfig,
  adapter: LoadedAdapter | undefined,
): Batch {
  const own = new Map(
    adapter === undefined
      ? []
      : loraModules(config, adapter.lora).map((module) => [`${module.module}.lora_B.weight`, module]),
  );
  const feeds: Record<string, { shape: readonly number[]; data: Float32Array }> = {};
  for (const [name, { shape }] of Object.entries(loraParams(config, room))) {
    const [rows, columns] = shape as [number, number];
    const data = new Float32Array(rows * columns);
    const source = adapter?.values[name];
    if (adapter !== undefined && source !== undefined) {
      const module = own.get(name);
      if (module === undefined) data.set(source);
      else {
        const { rank, scale } = module;
        for (let row = 0; row < rows; row++)
          for (let r = 0; r < rank; r++) data[row * columns + r] = scale * source[row * rank + r]!;
      }
    }
    feeds[name] = { shape, data };
  }
  return feeds;
}
