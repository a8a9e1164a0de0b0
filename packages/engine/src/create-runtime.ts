import { CorellaError, nearestName } from "@corella/errors";
import { eagerRuntime } from "./eager-runtime.ts";
import { onnxRuntime } from "./onnx-runtime.ts";
import type { OnnxRuntimeOptions } from "./onnx-session.ts";
import type { Runtime } from "./runtime.ts";
import { loadTfjsNode } from "./tfjs-node.ts";

export type RuntimeKind = "onnxruntime" | "tfjs-node" | "tfjs-node-gpu" | "tfjs-cpu";

/** Every kind of runtime, the default first. */
export const runtimeKinds: readonly RuntimeKind[] = ["onnxruntime", "tfjs-node", "tfjs-node-gpu", "tfjs-cpu"];

/** A runtime as plain data, for configurations and worker threads. */
export interface RuntimeConfig extends OnnxRuntimeOptions {
  /** Default onnxruntime. tfjs-node and tfjs-node-gpu are packages that the application installs. */
  readonly kind?: RuntimeKind | undefined;
  /** Folder whose `node_modules` holds tfjs-node; default: where Node finds it from this package. */
  readonly installedIn?: string | undefined;
}

/** Settings that only some kinds understand. Those that only say how fast are ignored where they mean nothing. */
const kindsOf: Partial<Record<keyof RuntimeConfig, readonly RuntimeKind[]>> = {
  executionProviders: ["onnxruntime"],
  profile: ["onnxruntime"],
  installedIn: ["tfjs-node", "tfjs-node-gpu"],
};

/**
 * The runtime that a configuration asks for. The packages of tfjs-node are loaded only when they are chosen.
 * @throws CorellaError `engine/runtime` for an unknown kind or a setting of another one, `engine/tfjs-node`
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
  for (const [setting, kinds] of Object.entries(kindsOf)) {
    if (config[setting as keyof RuntimeConfig] === undefined || kinds.includes(kind)) continue;
    throw runtimeError(
      `The runtime ${kind} has no ${setting}.`,
      setting,
      `Leave it out, or choose ${kinds.join(" or ")}.`,
    );
  }
  if (kind === "onnxruntime") return onnxRuntime(config);
  if (kind === "tfjs-cpu") return eagerRuntime("cpu");
  await loadTfjsNode(kind, config);
  return eagerRuntime("tensorflow", kind);
}

function runtimeError(message: string, place: string, remedy: string): CorellaError {
  return new CorellaError({ code: "engine/runtime", message, place, remedy });
}
