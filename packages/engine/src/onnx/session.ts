import * as ort from "onnxruntime-node";
import { CorellaError, nearestName } from "@corella/errors";
import { noSuchRow } from "../program/row-ids.ts";
import type { CapturedGraph } from "../capture/captured-graph.ts";
import { encodeModel, type EncodedModel } from "./model.ts";

/** How onnxruntime runs: threads, devices and files. */
export interface OnnxRuntimeOptions {
  /** Threads of one session; default 2. */
  readonly threads?: number | undefined;
  /**
   * Whether idle threads wait in a loop for their next work; default true. Faster where a machine does nothing else,
   * but a thread that waits so takes a core for tens of milliseconds after each run: say false in a server.
   */
  readonly spinning?: boolean | undefined;
  /**
   * Execution providers in order of preference; each takes the operations that it knows. Default ["cpu"]. `webgpu` comes
   * with onnxruntime-node, `cuda` where its install script fetched it.
   */
  readonly executionProviders?: readonly string[] | undefined;
  /**
   * Where weights that are read (a `ValueReader`) stand in a file while a session is opened, as many bytes as they take in
   * their precision. Default the system's folder for temporary files.
   */
  readonly temporaryFolder?: string | undefined;
  /** Writes onnxruntime's profile of each session when it is disposed: files whose paths begin so. */
  readonly profile?: string | undefined;
}

/** Opens a session for a captured graph, with a runtime's options. */
export type Compile = (graph: CapturedGraph) => Promise<ort.InferenceSession>;

/**
 * A session for a captured graph, whose weights it keeps packed.
 * @throws CorellaError `engine/execution-provider` when a provider does not start; none is left out silently
 */
export async function openSession(
  graph: CapturedGraph,
  options: OnnxRuntimeOptions,
): Promise<ort.InferenceSession> {
  const { bytes, externalData } = encodeModel(graph);
  return create(bytes, externalData, options);
}

/**
 * A session for a model in a file, with its weights beside it.
 * @throws CorellaError `engine/execution-provider` when a provider does not start
 */
export function openSessionOfFile(path: string, options: OnnxRuntimeOptions): Promise<ort.InferenceSession> {
  return create(path, [], options);
}

/**
 * Runs a session.
 * @throws CorellaError `engine/input` for an id that no row of a table, or element of an array, has
 */
export async function runSession(
  session: ort.InferenceSession,
  feeds: Readonly<Record<string, ort.Tensor>>,
  fetches?: Record<string, ort.Tensor | null>,
): Promise<ort.InferenceSession.OnnxValueMapType> {
  try {
    return fetches === undefined ? await session.run(feeds) : await session.run(feeds, fetches);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const [, id, high] = /out of data bounds, idx=(-?\d+) .* \[-?\d+,(-?\d+)\]/.exec(message) ?? [];
    if (id === undefined) throw cause;
    throw noSuchRow(Number(id), Number(high) + 1, "lookup", cause);
  }
}

async function create(
  model: Uint8Array | string,
  externalData: EncodedModel["externalData"],
  options: OnnxRuntimeOptions,
): Promise<ort.InferenceSession> {
  const executionProviders = [...(options.executionProviders ?? ["cpu"])];
  try {
    return await ort.InferenceSession.create(model as string, {
      executionProviders,
      intraOpNumThreads: options.threads ?? 2,
      interOpNumThreads: 1,
      graphOptimizationLevel: "all",
      executionMode: "sequential",
      // A plan of the memory of each size of batch that ever comes: as much memory again, and no faster.
      enableMemPattern: false,
      // Errors only: a provider that leaves operations on shapes to the CPU is no news.
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: options.spinning === false ? "0" : "1" } } },
      ...(externalData.length === 0 ? {} : { externalData }),
      ...(options.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profile }),
    });
  } catch (error) {
    for (const provider of executionProviders) await requireProvider(provider);
    throw error;
  }
}

/** A model without operations, which every provider that starts can load. */
const emptyModel: CapturedGraph = {
  nodes: [{ op: "Identity", domain: "", inputs: ["x"], outputs: ["y"], attributes: {} }],
  constants: [],
  weights: [],
  inputs: [{ name: "x", type: "float32", shape: [1] }],
  outputs: [{ name: "y", type: "float32", shape: [{ coefficient: 1, exponents: {} }] }],
  masks: [],
  lookups: [],
  tables: [],
  ids: [],
  differentiated: [],
  assigned: [],
};

/** onnxruntime leaves out a name that it does not know when another follows. */
export function requireKnownProviders(options: OnnxRuntimeOptions): void {
  const names = ort.listSupportedBackends().map(({ name }) => name);
  const unknown = options.executionProviders?.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const near = nearestName(unknown, names);
  throw providerError(
    unknown,
    "onnxruntime-node has none of that name here",
    near === undefined ? `Choose among ${names.join(", ")}.` : `Did you mean ${near}?`,
  );
}

async function requireProvider(provider: string): Promise<void> {
  try {
    const session = await ort.InferenceSession.create(encodeModel(emptyModel).bytes, {
      executionProviders: [provider],
    });
    await session.release();
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).trim().replace(/\.$/, "");
    const bundled = ort.listSupportedBackends().find(({ name }) => name === provider)?.bundled === true;
    throw providerError(
      provider,
      reason.split("\n")[0]!,
      bundled
        ? "Install the driver of a device that it can use, or choose cpu."
        : "Let onnxruntime-node's install script fetch it (npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12), or choose cpu.",
      cause,
    );
  }
}

function providerError(provider: string, reason: string, remedy: string, cause?: unknown): CorellaError {
  return new CorellaError({
    code: "engine/execution-provider",
    message: `The execution provider ${provider} cannot be used: ${reason}.`,
    place: "executionProviders",
    remedy,
    cause,
  });
}
