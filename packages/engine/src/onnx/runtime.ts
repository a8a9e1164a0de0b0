import type * as ort from "onnxruntime-node";
import { bindDimensions } from "../program/dimensions.ts";
import { createGradientRun, createTrainer } from "../training/trainer.ts";
import { addOptimizerFeeds, computedPass, feedsOf, spareOutputs, swap } from "./feeds.ts";
import { writeOnnxFile } from "./file.ts";
import { frozenParams, readFrozen, withoutStored } from "./frozen.ts";
import { createInference, createReadInference } from "./inference.ts";
import {
  openSession,
  requireKnownProviders,
  runSession,
  type Compile,
  type OnnxRuntimeOptions,
} from "./session.ts";
import { portable } from "../precision/freeze.ts";
import { isReader, type Batch, type Program, type Values } from "../program/program.ts";
import { frozenNames, trainableNames } from "../program/trainable.ts";
import {
  gradientGraph,
  isFused,
  lookupGraph,
  packedOnce,
  trainingGraph,
  withCurrentValues,
} from "./program-graphs.ts";
import type { GradientOptions, GradientRun, Runtime, Trainer, TrainOptions } from "../runtime/runtime.ts";
import { TrainingState } from "../training/training-state.ts";
import { inTurns, trainerInTurns } from "../runtime/turns.ts";

/**
 * Compiles programs to ONNX graphs and runs them on onnxruntime-node. The default runtime.
 * @throws CorellaError `engine/execution-provider` for one that is unknown; for one that does not start, at first use
 */
export function onnxRuntime(options: OnnxRuntimeOptions = {}): Runtime {
  requireKnownProviders(options);
  const compile: Compile = (graph) => openSession(graph, options);
  return {
    name: "onnxruntime",
    infer: async (program, values, inferOptions = {}) =>
      inTurns(
        isReader(values)
          ? await createReadInference(program, values, inferOptions, options)
          : await createInference(program, values, inferOptions, compile),
        "inference",
      ),
    gradients: async (program, values, gradientOptions = {}) => {
      const trainable = trainableNames(program, gradientOptions.trainable ?? (() => true));
      const run = await gradientRun(program, values, trainable, gradientOptions, compile);
      return inTurns(run, "gradient run");
    },
    train: async (program, trainOptions) => trainerInTurns(await trainer(program, trainOptions, compile)),
  };
}

async function gradientRun(
  program: Program,
  values: Values,
  trainable: ReadonlySet<string>,
  options: GradientOptions,
  compile: Compile,
): Promise<GradientRun> {
  const names = Object.keys(program.params).filter((name) => !trainable.has(name));
  const frozen = await frozenParams(program, values, names, options, compile);
  const kept = withoutStored(values, frozen);
  const graph = gradientGraph(program, trainable, frozen);
  const session = await compile(graph);
  return createGradientRun(program, trainable, {
    async compute(batch, draw) {
      const sizes = bindDimensions(program, batch);
      const feeds = feedsOf(program, graph, batch, kept, sizes, options.seed ?? 0, draw);
      return computedPass(graph, await runSession(session, feeds));
    },
    exportOnnx(path, fileOptions) {
      const whole = gradientGraph(program, trainable, portable(frozen));
      return writeOnnxFile(withCurrentValues(whole, kept), path, fileOptions);
    },
    dispose: () => session.release(),
  });
}

async function trainer(program: Program, options: TrainOptions, compile: Compile): Promise<Trainer> {
  const read = await readFrozen(program, options, compile);
  const state = new TrainingState(program, options, read);
  const fused = isFused(options);
  const names = frozenNames(program, state.trainable);
  const frozen = read ?? (await frozenParams(program, state.values, names, options, compile));
  state.leaveOut(frozen.stored.keys());
  const graph = packedOnce(trainingGraph(program, state, fused, frozen));
  let session = await compile(graph);
  /** Whether a restored state has changed what the session holds packed. */
  let isOutdated = false;
  const rowReader = state.missesSteps ? await createRowReader(program, state.values, compile) : undefined;
  // The graph writes new values into spare arrays, which then change places with the current ones.
  const spare: Values = {};
  const trained = createTrainer(program, options, state, {
    async compute(batch, draw, scale) {
      if (isOutdated) {
        const outdated = session;
        session = await compile(graph);
        isOutdated = false;
        await outdated.release();
      }
      const sizes = bindDimensions(program, batch);
      await rowReader?.read(batch, (table, ids) => state.catchUp(table, ids));
      const feeds = feedsOf(program, graph, batch, state.values, sizes, options.seed, draw);
      if (!fused) return computedPass(graph, await runSession(session, feeds));
      addOptimizerFeeds(feeds, graph, state, scale, program);
      const fetches = spareOutputs(graph, state, spare, program);
      return computedPass(graph, await runSession(session, feeds, fetches));
    },
    ...(fused ? { takeUpdates: () => swap(graph, state, spare) } : {}),
    exportOnnx(path, fileOptions) {
      const whole = trainingGraph(program, state, fused, portable(frozen));
      return writeOnnxFile(withCurrentValues(whole, state.current, state), path, fileOptions);
    },
    async dispose() {
      await rowReader?.dispose();
      await session.release();
    },
  });
  return {
    ...trained,
    restore(saved) {
      const changes = Object.entries(frozen.values).some(([name, now]) => differs(now, saved.values[name]));
      trained.restore(saved);
      // The graph's weights are these very arrays, which now hold the restored numbers.
      isOutdated ||= changes;
    },
  };
}

function differs(a: Float32Array, b: Float32Array | undefined): boolean {
  return a !== b && (a.length !== b?.length || a.some((value, i) => !Object.is(value, b[i])));
}

/** Runs the part of a program that computes the ids of its lookups: rows that missed steps must catch up before. */
async function createRowReader(
  program: Program,
  values: Values,
  compile: Compile,
): Promise<{
  read(batch: Batch, visit: (table: string, ids: Int32Array) => void): Promise<void>;
  dispose(): Promise<void>;
}> {
  const graph = lookupGraph(program);
  const session = await compile(graph);
  return {
    async read(batch, visit) {
      const results = await runSession(
        session,
        feedsOf(program, graph, batch, values, bindDimensions(program, batch), 0, 0),
      );
      for (const [i, { table }] of graph.lookups.entries())
        visit(table, (results[`lookup.${i}.ids`] as ort.Tensor).data as Int32Array);
    },
    dispose: () => session.release(),
  };
}
