import { CorellaError, nearestName } from "@corella/errors";
import { eagerRuntime } from "./eager/runtime.ts";
import { onnxRuntime } from "./onnx/runtime.ts";
import type { OnnxRuntimeOptions } from "./onnx/session.ts";
import type { Runtime } from "./runtime/runtime.ts";
import { loadTfjsNode } from "./eager/tfjs-node.ts";

/** What runs programs: compiled graphs (`onnxruntime`) or tfjs, operation by operation, on one of its backends. */
export type RuntimeKind = "onnxruntime" | "tfjs-node" | "tfjs-node-gpu" | "tfjs-cpu";

/** Every kind of runtime, the default first. */
export const runtimeKinds: readonly RuntimeKind[] = ["onnxruntime", "tfjs-node", "tfjs-node-gpu", "tfjs-cpu"];

/** More threads of one session than any machine makes use of; beyond, a typing error. */
export const mostThreads = 256;

/** A runtime as plain data, for configurations and worker threads. */
export interface RuntimeConfig extends OnnxRuntimeOptions {
  /** Default onnxruntime. tfjs-node and tfjs-node-gpu are packages that the application installs. */
  readonly kind?: RuntimeKind | undefined;
  /** Folder whose `node_modules` holds tfjs-node; default: where Node finds it from this package. */
  readonly installedIn?: string | undefined;
}

/** What only onnxruntime can do; settings that say how fast or where are ignored where they mean nothing. */
const onnxruntimeOnly = ["executionProviders", "profile"] as const;

/**
 * The runtime that a configuration asks for. The packages of tfjs-node are loaded only when they are chosen.
 * @throws CorellaError `engine/runtime` for an unknown kind or a setting of another one, `engine/execution-provider`,
 *   `engine/tfjs-node`
 * @example
 * ```ts
 * import { createRuntime, tf, type Program } from "@corella/engine";
 *
 * const doubled: Program = {
 *   params: {},
 *   tables: {},
 *   inputs: { x: { shape: ["batch"], dtype: "float32" } },
 *   forward: (scope) => ({ outputs: { y: tf.mul(scope.input("x"), 2) } }),
 * };
 * const runtime = await createRuntime();
 * const session = await runtime.infer(doubled, {});
 * const { y } = await session.run({ x: { shape: [2], data: Float32Array.of(1, 4) } });
 * console.log(Array.from(y!.data).join(" ")); // 2 8
 * await session.dispose();
 * ```
 */
export async function createRuntime(config: RuntimeConfig = {}): Promise<Runtime> {
  const kind = config.kind ?? "onnxruntime";
  if (!runtimeKinds.includes(kind)) {
    const near = nearestName(kind, runtimeKinds);
    throw runtimeError(
      `There is no runtime ${kind}.`,
      "kind",
      near === undefined ? `Choose one of ${runtimeKinds.join(", ")}.` : `Did you mean ${near}?`,
    );
  }
  const { threads = 1 } = config;
  if (!Number.isInteger(threads) || threads < 1 || threads > mostThreads) {
    throw runtimeError(
      `There are no ${threads} threads.`,
      "threads",
      `Choose a whole number from 1 to ${mostThreads}, best the number of the machine's cores.`,
    );
  }
  if (kind === "onnxruntime") return onnxRuntime(config);
  for (const setting of onnxruntimeOnly) {
    if (config[setting] === undefined) continue;
    throw runtimeError(
      `The runtime ${kind} has no ${setting}.`,
      setting,
      "Leave it out, or choose onnxruntime.",
    );
  }
  if (kind === "tfjs-cpu") return eagerRuntime("cpu");
  await loadTfjsNode(kind, config);
  return eagerRuntime("tensorflow", kind);
}

function runtimeError(message: string, place: string, remedy: string): CorellaError {
  return new CorellaError({ code: "engine/runtime", message, place, remedy });
}
