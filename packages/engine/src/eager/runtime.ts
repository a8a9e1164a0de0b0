import type { Tensor } from "@tensorflow/tfjs";
import { CorellaError } from "@corella/errors";
import { bindDimensions } from "../program/dimensions.ts";
import { keepOf, maskBits } from "../program/dropout-masks.ts";
import { createGradientRun, createTrainer, type ComputedPass } from "../training/trainer.ts";
import { writeOnnxFile } from "../onnx/file.ts";
import {
  freeze,
  portableZeroPoint,
  refuseLivePrecision,
  roundedValues,
  type FrozenParams,
} from "../precision/freeze.ts";
import {
  isReader,
  readAll,
  type Batch,
  type Output,
  type Program,
  type ValueReader,
  type Values,
} from "../program/program.ts";
import { freezeFrom } from "../precision/freeze-from.ts";
import { inMemory } from "../precision/weight-store.ts";
import { noSuchRow } from "../program/row-ids.ts";
import { frozenNames, trainableNames } from "../program/trainable.ts";
import {
  gradientGraph,
  isFused,
  standaloneGraph,
  trainingGraph,
  withCurrentValues,
} from "../onnx/program-graphs.ts";
import type {
  GradientOptions,
  GradientRun,
  Inference,
  InferOptions,
  Runtime,
  Trainer,
  TrainOptions,
} from "../runtime/runtime.ts";
import { enableProductionMode, tf } from "../program/tf.ts";
import { disposeKept, onBackend, trace, type Traced } from "../trace/trace.ts";
import { frozenBy, TrainingState } from "../training/training-state.ts";
import { inTurns, trainerInTurns } from "../runtime/turns.ts";

/**
 * Runs programs eagerly on a registered tfjs backend. With `cpu` (plain JavaScript, no native code) it is the reference
 * that the tests compare with; `tensorflow` is the backend of tfjs-node and tfjs-node-gpu, which `createRuntime` loads.
 * @throws CorellaError `engine/backend` when the backend is not registered
 */
export function eagerRuntime(
  backend: "cpu" | "tensorflow" = "cpu",
  name: string = backend === "cpu" ? "tfjs-cpu" : "tfjs-node",
): Runtime {
  if (tf.engine().findBackendFactory(backend) === null) {
    throw new CorellaError({
      code: "engine/backend",
      message: `No tfjs backend ${backend} is registered.`,
      remedy: 'Choose the runtime with createRuntime({ kind: "tfjs-node" }), which loads it.',
    });
  }
  enableProductionMode();
  return {
    name,
    infer: async (program, values, options = {}) => {
      refuseLivePrecision(options, isReader(values));
      return inTurns(await inference(backend, program, values, options), "inference");
    },
    gradients: async (program, values, options = {}) =>
      inTurns(gradientRun(backend, program, values, options), "gradient run"),
    train: async (program, options) => {
      const values = { ...options.values, ...(await readFrozen(program, options)) };
      return trainerInTurns(trainer(backend, program, { ...options, values }));
    },
  };
}

async function readFrozen(program: Program, options: TrainOptions): Promise<Values> {
  const values: Values = {};
  if (options.frozen === undefined) return values;
  for (const name of frozenBy(program, options)) values[name] = await options.frozen.read(name);
  return values;
}

async function inference(
  backend: string,
  program: Program,
  values: Values | ValueReader,
  options: InferOptions,
): Promise<Inference> {
  const names = Object.keys(program.params);
  const frozenNow = async (): Promise<FrozenParams> =>
    isReader(values)
      ? freezeFrom(program, values, names, options, portableZeroPoint, inMemory)
      : freeze(program, values, names, options, portableZeroPoint);
  const first = await frozenNow();
  // A reader's tables are read once; values in memory may change between runs.
  const all = isReader(values)
    ? { ...first.values, ...(await readAll({ ...program, params: {} }, values)) }
    : values;
  const current = withRounded(all, first);
  return {
    run: async (batch) => evaluate(backend, program, current(), batch, undefined, 0, 0).outputs,
    exportOnnx: async (path, fileOptions) =>
      writeOnnxFile(standaloneGraph(program, all, await frozenNow()), path, fileOptions),
    dispose: async () => {},
  };
}

function gradientRun(
  backend: string,
  program: Program,
  values: Values,
  options: GradientOptions,
): GradientRun {
  const trainable = trainableNames(program, options.trainable ?? (() => true));
  const names = Object.keys(program.params).filter((name) => !trainable.has(name));
  const frozen = freeze(program, values, names, options, portableZeroPoint);
  const current = withRounded(values, frozen);
  return createGradientRun(program, trainable, {
    compute: async (batch, draw) =>
      evaluate(backend, program, current(), batch, trainable, options.seed ?? 0, draw),
    exportOnnx(path, fileOptions) {
      const graph = gradientGraph(program, trainable, frozen);
      return writeOnnxFile(withCurrentValues(graph, values), path, fileOptions);
    },
    dispose: async () => {},
  });
}

function trainer(backend: string, program: Program, options: TrainOptions): Trainer {
  const state = new TrainingState(program, options);
  const names = frozenNames(program, state.trainable);
  const frozen = freeze(program, state.values, names, options, portableZeroPoint);
  const current = withRounded(state.values, frozen);
  state.leaveOut(frozen.stored.keys());
  const { trainable } = state;
  const catchUp = (table: string, ids: Int32Array): void => state.catchUp(table, ids);
  return createTrainer(program, options, state, {
    compute: async (batch, draw) =>
      evaluate(backend, program, current(), batch, trainable, options.seed, draw, catchUp),
    async exportOnnx(path, fileOptions) {
      const graph = trainingGraph(program, state, isFused(options), frozen);
      await writeOnnxFile(withCurrentValues(graph, state.current, state), path, fileOptions);
    },
    dispose: async () => {},
  });
}

/** The values at each run; those of stored matrices are rounded once. */
function withRounded(values: Values, frozen: FrozenParams): () => Values {
  if (frozen.stored.size === 0) return () => values;
  const rounded = roundedValues(frozen);
  return () => ({ ...values, ...rounded });
}

function evaluate(
  backend: string,
  program: Program,
  values: Values,
  batch: Batch,
  trainable: ReadonlySet<string> | undefined,
  seed: number,
  step: number,
  beforeReading?: (table: string, ids: Int32Array) => void,
): ComputedPass {
  bindDimensions(program, batch);
  return withNamedIds(() =>
    onBackend(backend, () => {
      const traced = trace(
        program,
        {
          // A copy: tfjs keeps the array it is given, and updates are in place.
          param: (name, spec) => tf.tensor(values[name]!.slice(), [...spec.shape], "float32"),
          input: (name, spec) => tf.tensor(batch[name]!.data.slice(), [...batch[name]!.shape], spec.dtype),
          gather(table, spec, ids) {
            beforeReading?.(table, ids.dataSync() as Int32Array);
            return gatherRows(values[table]!, spec.dim, ids);
          },
          dropoutMask: (shape, rate, index) => {
            const keep = keepOf(rate);
            const size = shape.reduce((product, dimension) => product * dimension, 1);
            const bits = maskBits({ name: `mask.${index}`, keep }, size, seed, step);
            return tf.tensor(
              Float32Array.from(bits, (bit) => bit / keep),
              [...shape],
            );
          },
        },
        { training: trainable !== undefined, trainable },
      );
      const result = read(traced);
      disposeKept(traced);
      return result;
    }),
  );
}

/** What tfjs says of an index without an element, as the error of every runtime. */
function withNamedIds<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // tfjs-cpu names the last one that there is, TensorFlow the first one that there is not.
    const [, id, high, end] = /(-?\d+) is not in \[0, (\d+)([\])])/.exec(message) ?? [];
    if (id === undefined) throw cause;
    throw noSuchRow(Number(id), Number(high) + (end === "]" ? 1 : 0), "lookup", cause);
  }
}

function gatherRows(table: Float32Array, dim: number, ids: Tensor): Tensor {
  const rows = ids.dataSync();
  const count = table.length / dim;
  const gathered = new Float32Array(rows.length * dim);
  for (let i = 0; i < rows.length; i++) {
    if (rows[i]! < 0 || rows[i]! >= count) throw noSuchRow(rows[i]!, count, "lookup");
    const start = rows[i]! * dim;
    gathered.set(table.subarray(start, start + dim), i * dim);
  }
  return tf.tensor(gathered, [...ids.shape, dim]);
}

function read(traced: Traced): ComputedPass {
  const outputs: Record<string, Output> = {};
  for (const [name, tensor] of Object.entries(traced.outputs)) {
    outputs[name] = { shape: tensor.shape, data: tensor.dataSync().slice() as Float32Array | Int32Array };
  }
  return {
    loss: traced.loss === undefined ? Number.NaN : traced.loss.dataSync()[0]!,
    outputs,
    assigned: Object.fromEntries([...traced.assigned].map(([name, tensor]) => [name, floats(tensor)])),
    gradients: {
      dense: new Map([...traced.gradients].map(([name, tensor]) => [name, floats(tensor)])),
      lookups: traced.lookups.map(({ table, ids, gradient }) => ({
        table,
        ids: ids.dataSync().slice() as Int32Array,
        gradient: floats(gradient),
      })),
    },
  };
}

function floats(tensor: Tensor): Float32Array {
  return tensor.dataSync().slice() as Float32Array;
}
