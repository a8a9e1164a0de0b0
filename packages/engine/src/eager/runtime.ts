import type { Tensor } from "@tensorflow/tfjs";
import { CorellaError } from "@corella/errors";
import { bindDimensions } from "../program/dimensions.ts";
import { keepOf, maskBits } from "../program/dropout-masks.ts";
import { GradientSum, type BackwardPass } from "../training/gradient-sum.ts";
import { writeOnnxFile } from "../onnx/file.ts";
import {
  freeze,
  portableZeroPoint,
  refuseLivePrecision,
  roundedValues,
  type FrozenParams,
} from "../precision/freeze.ts";
import { isReader, readAll, type Batch, type Output, type Program, type Values } from "../program/program.ts";
import { frozenNames, trainableNames } from "../program/trainable.ts";
import { gradientGraph, standaloneGraph, trainingGraph, withCurrentValues } from "../onnx/program-graphs.ts";
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

interface EagerResult {
  readonly loss: number;
  readonly outputs: Record<string, Output>;
  readonly assigned: Values;
  readonly pass: BackwardPass;
}

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
      const all = isReader(values) ? await readAll(program, values) : values;
      return inTurns(createInference(backend, program, all, options), "inference");
    },
    gradients: async (program, values, options = {}) =>
      inTurns(createGradientRun(backend, program, values, options), "gradient run"),
    train: async (program, options) => {
      const values = { ...options.values, ...(await readFrozen(program, options)) };
      return trainerInTurns(createTrainer(backend, program, { ...options, values }));
    },
  };
}

async function readFrozen(program: Program, options: TrainOptions): Promise<Values> {
  const values: Values = {};
  if (options.frozen === undefined) return values;
  for (const name of frozenBy(program, options)) values[name] = await options.frozen.read(name);
  return values;
}

function createInference(
  backend: string,
  program: Program,
  values: Values,
  options: InferOptions,
): Inference {
  const names = Object.keys(program.params);
  const current = withRounded(values, freeze(program, values, names, options, portableZeroPoint));
  return {
    run: async (batch) => evaluate(backend, program, current(), batch, undefined, 0, 0).outputs,
    exportOnnx(path, fileOptions) {
      const frozen = freeze(program, values, names, options, portableZeroPoint);
      return writeOnnxFile(standaloneGraph(program, values, frozen), path, fileOptions);
    },
    dispose: async () => {},
  };
}

function createGradientRun(
  backend: string,
  program: Program,
  values: Values,
  options: GradientOptions,
): GradientRun {
  const trainable = trainableNames(program, options.trainable ?? (() => true));
  const names = Object.keys(program.params).filter((name) => !trainable.has(name));
  const frozen = freeze(program, values, names, options, portableZeroPoint);
  const current = withRounded(values, frozen);
  const sum = new GradientSum(program);
  const seed = options.seed ?? 0;
  let run = 0;
  return {
    async run(batch) {
      run += 1;
      const { loss, outputs, assigned, pass } = evaluate(
        backend,
        program,
        current(),
        batch,
        trainable,
        seed,
        run,
      );
      sum.add(pass);
      sum.finish(undefined);
      return { loss, outputs, assigned, gradients: sum.toValues(trainable) };
    },
    exportOnnx(path, fileOptions) {
      const graph = gradientGraph(program, trainable, frozen);
      return writeOnnxFile(withCurrentValues(graph, values), path, fileOptions);
    },
    dispose: async () => {},
  };
}

function createTrainer(backend: string, program: Program, options: TrainOptions): Trainer {
  const state = new TrainingState(program, options);
  const names = frozenNames(program, state.trainable);
  const frozen = freeze(program, state.values, names, options, portableZeroPoint);
  const current = withRounded(state.values, frozen);
  state.leaveOut(frozen.stored.keys());
  const sum = new GradientSum(program);
  const accumulate = options.accumulate ?? 1;
  return {
    accumulate,
    values: state.current,
    state: () => ({ ...state.snapshot(), pending: sum.pending() }),
    restore(saved) {
      state.restore(saved);
      sum.restore(saved.pending ?? []);
    },
    async exportOnnx(path, exportOptions) {
      const fused = options.clipNorm === undefined && accumulate === 1;
      const graph = trainingGraph(program, state, fused, frozen);
      await writeOnnxFile(withCurrentValues(graph, state.current, state), path, exportOptions);
    },
    dispose: async () => {},
    async step(batch, stepOptions = {}) {
      const scale = stepOptions.learningRateScale ?? 1;
      const draws = state.step * accumulate + sum.passes + 1;
      const { trainable } = state;
      const catchUp = (table: string, ids: Int32Array): void => state.catchUp(table, ids);
      const result = evaluate(backend, program, current(), batch, trainable, options.seed, draws, catchUp);
      sum.add(result.pass);
      for (const [name, value] of Object.entries(result.assigned)) state.values[name]!.set(value);
      if (sum.passes === accumulate) {
        state.step += 1;
        sum.finish(options.clipNorm);
        for (const [name, gradient] of sum.dense) state.updateParam(name, gradient, scale);
        for (const [name, rows] of sum.tables) state.updateTable(name, rows, scale);
      }
      return { loss: result.loss, outputs: result.outputs };
    },
  };
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
): EagerResult {
  bindDimensions(program, batch);
  return onBackend(backend, () => {
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
  });
}

function gatherRows(table: Float32Array, dim: number, ids: Tensor): Tensor {
  const rows = ids.dataSync();
  const gathered = new Float32Array(rows.length * dim);
  for (let i = 0; i < rows.length; i++) {
    const start = rows[i]! * dim;
    gathered.set(table.subarray(start, start + dim), i * dim);
  }
  return tf.tensor(gathered, [...ids.shape, dim]);
}

function read(traced: Traced): EagerResult {
  const outputs: Record<string, Output> = {};
  for (const [name, tensor] of Object.entries(traced.outputs)) {
    outputs[name] = { shape: tensor.shape, data: tensor.dataSync().slice() as Float32Array | Int32Array };
  }
  return {
    loss: traced.loss === undefined ? Number.NaN : traced.loss.dataSync()[0]!,
    outputs,
    assigned: Object.fromEntries([...traced.assigned].map(([name, tensor]) => [name, floats(tensor)])),
    pass: {
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
