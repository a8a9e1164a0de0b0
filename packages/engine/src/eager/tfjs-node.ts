import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import util from "node:util";
import { CorellaError } from "@corella/errors";
import { tf } from "../program/tf.ts";

/** The two packages of TensorFlow's C library for Node, for the CPU and with CUDA. */
export type TfjsNodePackage = "tfjs-node" | "tfjs-node-gpu";

/** How a package of tfjs-node is found and started. */
export interface TfjsNodeOptions {
  /** Threads of one operation. TensorFlow reads it once, when a process loads it. Default: one for each core. */
  readonly threads?: number | undefined;
  /** Folder whose `node_modules` holds the package; default: where Node finds it from here. */
  readonly installedIn?: string | undefined;
}

let loaded: TfjsNodePackage | undefined;

/**
 * Loads tfjs-node or tfjs-node-gpu and registers their backend with the one tensor engine of this process. (tfjs keeps
 * its engine, kernels and gradients in a global, so a second copy of tfjs that the package may bring is no second engine.)
 * @throws CorellaError `engine/tfjs-node`: not installed, its native library does not load, or the other package was
 *   loaded before
 */
export async function loadTfjsNode(name: TfjsNodePackage, options: TfjsNodeOptions = {}): Promise<void> {
  if (loaded === name) return;
  if (loaded !== undefined) {
    throw tfjsNodeError(name, `${loaded} has been loaded before`, "Use one of the two in a process.");
  }
  const path = locate(name, options.installedIn);
  provideRemovedFunctions();
  // TensorFlow's notices, such as which instructions it was compiled for, are not the user's business.
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  if (options.threads !== undefined) process.env["TF_NUM_INTRAOP_THREADS"] = String(options.threads);
  const previous = tf.engine().backendName as string | undefined;
  try {
    await import(pathToFileURL(path).href);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
    throw tfjsNodeError(
      name,
      `it does not load: ${reason}`,
      "Let its install script run again (npm rebuild), or build its library with tooling/tfjs-node/setup.sh.",
      cause,
    );
  }
  loaded = name;
  // The package makes its backend the current one.
  if (previous) tf.setBackend(previous);
}

function locate(name: TfjsNodePackage, installedIn: string | undefined): string {
  const from = installedIn === undefined ? import.meta.url : pathToFileURL(join(installedIn, "index.js"));
  try {
    return createRequire(from).resolve(`@tensorflow/${name}`);
  } catch (cause) {
    throw tfjsNodeError(
      name,
      `it is not installed${installedIn === undefined ? "" : ` in ${installedIn}`}`,
      `npm install @tensorflow/${name}@4.22.0, or choose the runtime onnxruntime.`,
      cause,
    );
  }
}

/** Node 23 removed two functions of `util` that tfjs-node 4.22 calls. */
function provideRemovedFunctions(): void {
  const removed = util as unknown as Record<string, unknown>;
  removed["isNullOrUndefined"] ??= (value: unknown): boolean => value === null || value === undefined;
  removed["isArray"] ??= Array.isArray;
}

function tfjsNodeError(name: string, reason: string, remedy: string, cause?: unknown): CorellaError {
  return new CorellaError({
    code: "engine/tfjs-node",
    message: `@tensorflow/${name} cannot be used: ${reason}.`,
    place: `@tensorflow/${name}`,
    remedy,
    cause,
  });
}
