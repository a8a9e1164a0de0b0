import { CorellaError } from "@corella/errors";
import type { Batch } from "./program.ts";

/** An int32 input whose elements are looked up as they are. */
export interface IdInput {
  readonly name: string;
  /** How many rows there are, where the graph alone tells it. */
  readonly rows: number | undefined;
}

/**
 * The error `engine/input` for an id that no row of a table, or element of an array, has.
 * @param place the input, or `lookup` where nobody knows
 */
export function noSuchRow(
  id: number,
  rows: number | undefined,
  place: string,
  cause?: unknown,
): CorellaError {
  return new CorellaError({
    code: "engine/input",
    message: `The id ${id} is none of the ${rows === undefined ? "" : `${rows} `}rows that are looked up.`,
    place,
    remedy: `Give ids from 0 ${rows === undefined ? "on" : `to ${rows - 1}`}; features and vocabularies must be those that the model was made with.`,
    cause,
  });
}

/**
 * ONNX counts negative ids from a table's end: they would be answered from rows of others.
 * @throws CorellaError `engine/input`
 */
export function refuseNegativeIds(inputs: readonly IdInput[], batch: Batch): void {
  for (const { name, rows } of inputs) {
    const { data } = batch[name]!;
    for (let i = 0; i < data.length; i++) if (data[i]! < 0) throw noSuchRow(data[i]!, rows, name);
  }
}
