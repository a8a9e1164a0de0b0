import { CorellaError } from "@corella/errors";
import { bytesOf, dequantize } from "../matrix/quantize.ts";
import type { Output, Program, Values } from "../program/program.ts";
import type { Precision, PrecisionOf } from "../runtime/runtime.ts";
import { freeze } from "./freeze.ts";

/** What a precision does to one parameter. */
export interface WeightError {
  readonly precision: Precision;
  /** Norm of the difference to float32 by the norm of the weight; 0 for a weight of zeros. */
  readonly relativeError: number;
  /** Largest difference of an element. */
  readonly largestError: number;
  /** Stored, with scales. */
  readonly bytes: number;
}

/** The error of each parameter against float32, by name, as a runtime would store it. */
export function quantizationError(
  program: Program,
  values: Values,
  precision: PrecisionOf,
): Record<string, WeightError> {
  const { stored } = freeze(program, values, Object.keys(program.params), { precision }, 0);
  const errors: Record<string, WeightError> = {};
  for (const name of Object.keys(program.params)) {
    const exact = values[name]!;
    const matrix = stored.get(name);
    if (matrix === undefined) {
      errors[name] = { precision: "float32", relativeError: 0, largestError: 0, bytes: exact.byteLength };
      continue;
    }
    const { relative, largest } = difference(dequantize(matrix), exact);
    errors[name] = {
      precision: matrix.kind,
      relativeError: relative,
      largestError: largest,
      bytes: bytesOf(matrix),
    };
  }
  return errors;
}

/** Absolute differences between the elements of two outputs. */
export interface OutputDifference {
  readonly largest: number;
  readonly mean: number;
}

/** How far the outputs of one batch are from a reference's, by name: of two precisions, or of two runtimes. */
export function outputDifferences(
  outputs: Readonly<Record<string, Output>>,
  reference: Readonly<Record<string, Output>>,
): Record<string, OutputDifference> {
  return Object.fromEntries(
    Object.entries(reference).map(([name, { data, shape }]) => {
      const other = outputs[name];
      if (other === undefined || other.data.length !== data.length) {
        throw new CorellaError({
          code: "engine/shape",
          message: `The output ${name} is ${other === undefined ? "missing" : `[${other.shape.join(", ")}]`}, the reference's is [${shape.join(", ")}].`,
          place: name,
          remedy: "Compare the outputs of one program for one batch.",
        });
      }
      const { largest, mean } = difference(other.data, data);
      return [name, { largest, mean }];
    }),
  );
}

function difference(
  values: ArrayLike<number>,
  reference: ArrayLike<number>,
): { readonly relative: number; readonly largest: number; readonly mean: number } {
  let squares = 0;
  let referenceSquares = 0;
  let largest = 0;
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const distance = Math.abs(values[i]! - reference[i]!);
    squares += distance ** 2;
    referenceSquares += reference[i]! ** 2;
    // Once NaN it stays NaN.
    if (Number.isNaN(distance) || distance > largest) largest = distance;
    sum += distance;
  }
  return {
    relative: squares === 0 ? 0 : Math.sqrt(squares / referenceSquares),
    largest,
    mean: reference.length === 0 ? 0 : sum / reference.length,
  };
}
