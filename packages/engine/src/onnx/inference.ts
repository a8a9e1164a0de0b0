import type * as ort from "onnxruntime-node";
import { actualShape, bindDimensions, type Sizes } from "../program/dimensions.ts";
import type { CapturedGraph } from "../capture/captured-graph.ts";
import { freezeFrom } from "../precision/freeze-from.ts";
import { codesZeroPoint, frozenParams, withoutStored } from "./frozen.ts";
import { feedsOf, publicOutputs } from "./feeds.ts";
import { writeOnnxFile } from "./file.ts";
import {
  openSession,
  openSessionOfFile,
  runSession,
  type Compile,
  type OnnxRuntimeOptions,
} from "./session.ts";
import {
  freeze,
  nothingFrozen,
  portable,
  portableZeroPoint,
  refuseLivePrecision,
} from "../precision/freeze.ts";
import type { Batch, Output, Program, ValueReader, Values } from "../program/program.ts";
import { inferenceGraph, standaloneGraph } from "./program-graphs.ts";
import type { Inference, InferOptions } from "../runtime/runtime.ts";
import { createWeightFile } from "./weight-file.ts";
import { inMemory } from "../precision/weight-store.ts";

/**
 * An inference of values in memory.
 * @throws CorellaError `engine/capture`, `engine/precision`, `engine/shape`
 */
export async function createInference(
  program: Program,
  values: Values,
  options: InferOptions,
  compile: Compile,
): Promise<Inference> {
  refuseLivePrecision(options);
  const names = Object.keys(program.params);
  const live = options.live === true;
  const frozen = live ? nothingFrozen : await frozenParams(program, values, names, options, compile);
  const kept = withoutStored(values, frozen);
  const graph = inferenceGraph(program, frozen);
  const session = await compile(graph);
  return {
    run: (batch) => runBatch(session, program, graph, kept, batch),
    exportOnnx(path, fileOptions) {
      const params = live ? freeze(program, kept, names, {}, portableZeroPoint) : portable(frozen);
      return writeOnnxFile(standaloneGraph(program, kept, params), path, fileOptions);
    },
    dispose: () => session.release(),
  };
}

/**
 * An inference whose weights go from their reader into a file and from there into the session: no copy of them is
 * kept here.
 * @throws CorellaError `engine/capture`, `engine/precision`, `engine/weight-file`, and what the reader throws
 */
export async function createReadInference(
  program: Program,
  reader: ValueReader,
  options: InferOptions,
  sessionOptions: OnnxRuntimeOptions,
): Promise<Inference> {
  refuseLivePrecision(options, true);
  const names = Object.keys(program.params);
  const zeroPoint = await codesZeroPoint(options, (graph) => openSession(graph, sessionOptions));
  const tables: Values = {};
  for (const name of Object.keys(program.tables)) tables[name] = await reader.read(name);
  const file = await createWeightFile(sessionOptions.temporaryFolder);
  let graph: CapturedGraph;
  let session: ort.InferenceSession;
  try {
    graph = inferenceGraph(program, await freezeFrom(program, reader, names, options, zeroPoint, file));
    session = await openSessionOfFile(await file.finish(graph), sessionOptions);
  } finally {
    await file.remove();
  }
  graph = { ...graph, weights: [] };
  return {
    run: (batch) => runBatch(session, program, graph, tables, batch),
    async exportOnnx(path, fileOptions) {
      const frozen = await freezeFrom(program, reader, names, options, portableZeroPoint, inMemory);
      await writeOnnxFile(
        standaloneGraph(program, { ...tables, ...frozen.values }, frozen),
        path,
        fileOptions,
      );
    },
    async dispose() {
      await session.release();
      await file.remove();
    },
  };
}

/** The outputs of a batch. @param values tables, and parameters that the session does not hold */
async function runBatch(
  session: ort.InferenceSession,
  program: Program,
  graph: CapturedGraph,
  values: Values,
  batch: Batch,
): Promise<Record<string, Output>> {
  const sizes = bindDimensions(program, batch);
  const nothing = emptyOutputs(graph, sizes);
  if (nothing !== undefined) return nothing;
  return publicOutputs(await runSession(session, feedsOf(program, graph, batch, values, sizes, 0, 0)));
}

/**
 * The outputs of a batch of which all are empty, as those of no sample; undefined where something is to be computed. Some of
 * onnxruntime's products divide by the size of their operands, which ends the process where that is 0.
 */
function emptyOutputs({ outputs }: CapturedGraph, sizes: Sizes): Record<string, Output> | undefined {
  const empty: Record<string, Output> = {};
  for (const { name, type, shape } of outputs) {
    if (!name.startsWith("output.")) continue;
    const actual = actualShape(shape, sizes);
    if (!actual.includes(0)) return undefined;
    const data = type === "float32" ? new Float32Array(0) : new Int32Array(0);
    empty[name.slice("output.".length)] = { shape: actual, data };
  }
  return Object.keys(empty).length === 0 ? undefined : empty;
}
