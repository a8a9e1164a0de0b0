import type { Tensor } from "@tensorflow/tfjs";
import { CorellaError, nearestName } from "@corella/errors";
import type { InputSpec, ParamSpec, Program, Scope, TableSpec } from "../program/program.ts";
import { recomputation } from "./recompute.ts";
import { tf } from "../program/tf.ts";
import { useReplacedGradients } from "./gradients.ts";

/** What a backend gives a program: its tensors. */
export interface Host {
  /** The tensor of a parameter. */
  param(name: string, spec: ParamSpec): Tensor;
  /** The tensor of an input. */
  input(name: string, spec: InputSpec): Tensor;
  /** Rows of a table, without a gradient. */
  gather(table: string, spec: TableSpec, ids: Tensor): Tensor;
  /**
   * A mask of zeros and 1/keep; `index` counts the program's dropouts.
   * @param certain true, on which the mask is to depend: a part that is recomputed asks for its masks again
   */
  dropoutMask(shape: readonly number[], rate: number, index: number, certain?: Tensor): Tensor;
}

/** One look-up in a table, with the gradient of the rows that it gave. */
export interface Lookup {
  readonly table: string;
  /** [...shape] */
  readonly ids: Tensor;
  /** [...shape, dim] */
  readonly gradient: Tensor;
}

/** What a trace computed, as tensors of the host's backend. */
export interface Traced {
  readonly loss: Tensor | undefined;
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** The gradient of each parameter; one that the loss does not depend on has none. */
  readonly gradients: ReadonlyMap<string, Tensor>;
  readonly lookups: readonly Lookup[];
  readonly assigned: ReadonlyMap<string, Tensor>;
}

/** What is traced besides the outputs. */
export interface TraceOptions {
  readonly training: boolean;
  /** Parameters and tables to differentiate with respect to; undefined: forward only. */
  readonly trainable?: ReadonlySet<string> | undefined;
}

/**
 * Runs the forward function of a program on a host's tensors and differentiates the loss. Call it inside a tfjs scope
 * of the host's backend: the tensors of the result live until that scope ends.
 */
export function trace(program: Program, host: Host, options: TraceOptions): Traced {
  const params = new Map(
    Object.entries(program.params).map(([name, spec]) => [name, host.param(name, spec)]),
  );
  const inputs = new Map(
    Object.entries(program.inputs).map(([name, spec]) => [name, host.input(name, spec)]),
  );
  // A table enters the tape through a scalar that stands for it: its rows' gradients are recorded on the way back.
  const anchors = new Map(Object.keys(program.tables).map((name) => [name, tf.scalar(0)]));
  const lookups: Lookup[] = [];
  const assigned = new Map<string, Tensor>();
  let dropouts = 0;
  const { trainable } = options;
  const names = [...params.keys()].filter((name) => trainable?.has(name));
  const variables = [...names.map((name) => params.get(name)!), ...anchors.values()];
  const parts = recomputation(variables);
  /** Whether a part is computed for the first time: parts inside of it are no more than its operations then. */
  let inPart = false;
  /** True while a part is computed again. */
  let certain: Tensor | undefined;

  const scope: Scope = {
    training: options.training,
    param: (name) => declared(params, name, "parameter"),
    input: (name) => declared(inputs, name, "input"),
    lookup(table, ids) {
      const anchor = declared(anchors, table, "table");
      const gather = (): Tensor => host.gather(table, program.tables[table]!, ids);
      if (trainable?.has(table) !== true) return gather();
      const recorded = tf.customGrad((...args: unknown[]) => ({
        value: gather(),
        gradFunc: (dy: Tensor) => {
          lookups.push({ table, ids: tf.keep(tf.clone(ids)), gradient: tf.keep(tf.clone(dy)) });
          return tf.zerosLike(args[0] as Tensor);
        },
      }));
      return recorded(anchor);
    },
    dropout(x, rate) {
      if (!options.training || rate === 0) return x;
      const mask = host.dropoutMask(x.shape, rate, dropouts, certain);
      dropouts += 1;
      return tf.mul(x, mask);
    },
    assign(name, value) {
      declared(params, name, "parameter");
      if (options.training && certain === undefined) assigned.set(name, tf.keep(tf.clone(value)));
    },
    recompute(received, compute) {
      if (trainable === undefined || inPart) return compute(...received);
      const firstDropout = dropouts;
      return parts.run({
        inputs: received,
        first() {
          inPart = true;
          const value = compute(...received);
          inPart = false;
          return value;
        },
        again(later, isTrue) {
          const before = { dropouts, certain };
          dropouts = firstDropout;
          certain = isTrue;
          const value = compute(...later);
          ({ dropouts, certain } = before);
          return value;
        },
      });
    },
  };

  let outputs: Record<string, Tensor> = {};
  const forward = (): Tensor | undefined => {
    const result = program.forward(scope);
    outputs = Object.fromEntries(
      Object.entries(result.outputs).map(([name, tensor]) => [name, tf.keep(tf.clone(tensor))]),
    );
    return result.loss;
  };
  if (trainable === undefined) {
    return { loss: forward(), outputs, gradients: new Map(), lookups, assigned };
  }

  useReplacedGradients();
  const { value, grads } = tf.engine().gradients(
    () => {
      const loss = forward();
      if (loss === undefined) {
        throw new CorellaError({ code: "engine/no-loss", message: "The program has no loss to train on." });
      }
      const scalar = loss.rank === 0 ? loss : tf.reshape(loss, []);
      parts.keepScope(scalar);
      return scalar;
    },
    variables,
    undefined,
    true,
  );
  parts.dispose();
  const gradients = new Map<string, Tensor>();
  names.forEach((name, i) => {
    const gradient = grads[i] as Tensor | null | undefined;
    if (gradient) gradients.set(name, gradient);
  });
  return { loss: value, outputs, gradients, lookups, assigned };
}

/** Frees the tensors of a trace that outlive its scope, once they have been read. */
export function disposeKept({ outputs, assigned, lookups }: Traced): void {
  for (const tensor of [...Object.values(outputs), ...assigned.values()]) tensor.dispose();
  for (const { ids, gradient } of lookups) tf.dispose([ids, gradient]);
}

function declared(tensors: ReadonlyMap<string, Tensor>, name: string, kind: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor !== undefined) return tensor;
  const near = nearestName(name, tensors.keys());
  throw new CorellaError({
    code: "engine/undeclared",
    message: `The program uses the ${kind} ${name}, which it does not declare.`,
    remedy: near === undefined ? `Declare it under ${kind}s.` : `Did you mean ${near}?`,
  });
}

/** Runs a function on a tfjs backend, which must initialise without waiting, and restores the previous backend. */
export function onBackend<T>(backend: string, run: () => T): T {
  const engine = tf.engine();
  // Before the first operation of a process no backend is current: asking for the instance chooses the default one.
  if (!engine.backendName) void engine.backend;
  const previous = engine.backendName;
  if (previous !== backend) void tf.setBackend(backend);
  engine.startScope();
  try {
    return run();
  } finally {
    engine.endScope();
    if (previous !== backend) void tf.setBackend(previous);
  }
}
