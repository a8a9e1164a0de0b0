import { rm, type FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import onnxProto from "onnx-proto";
import { writeFileAtomic } from "@corella/files";
import type { CapturedGraph } from "../capture/captured-graph.ts";
import type { OnnxFileOptions } from "../runtime/runtime.ts";
import type { GraphWeight } from "../capture/backend/graph.ts";
import { alignment, bytesOf, graphProto, modelFields, tensorProto, type DataPlace } from "./model.ts";

const { onnx } = onnxProto;

/** Protocol buffers end at 2 GiB: no reader takes a longer message. */
const longestMessage = 2 ** 31 - 1;
/** Bytes of one write; the system call takes less than 2 GiB. */
const writeSize = 2 ** 26;

// Field numbers of onnx.proto.
const graphField = 7;
const initializerField = 5;
const rawDataField = 9;

/**
 * Writes a captured graph as a standard .onnx file. Weights go from where they are to the disk; there is no second copy
 * in memory. A crash leaves the old files, the new ones, or weights without a model, but never a model with others' weights.
 */
export async function writeOnnxFile(
  graph: CapturedGraph,
  path: string,
  options: OnnxFileOptions = {},
): Promise<void> {
  const limit = Math.min(options.singleFileBytes ?? longestMessage, longestMessage);
  const single = pieces(graph, undefined);
  if (single.size <= limit) return writeFileAtomic(path, (file) => writePieces(file, single.pieces));
  const dataPath = `${path}.data`;
  const places = new Map<GraphWeight, DataPlace>();
  let end = 0;
  for (const weight of graph.weights) {
    const offset = Math.ceil(end / alignment) * alignment;
    places.set(weight, { location: basename(dataPath), offset, length: weight.data.byteLength });
    end = offset + weight.data.byteLength;
  }
  await writeFileAtomic(dataPath, async (file) => {
    for (const [weight, { offset }] of places) await writeAt(file, bytesOf(weight.data), offset);
    // The new weights come next: an old model must not find them.
    await rm(path, { force: true });
  });
  await writeFileAtomic(path, (file) => writePieces(file, pieces(graph, places).pieces));
}

/**
 * ModelProto in pieces that follow each other in the file: its fields, then the graph as a field of known length, whose
 * last elements are the weights. Without places each weight's piece is a header and a view of its data.
 */
function pieces(
  graph: CapturedGraph,
  places: ReadonlyMap<GraphWeight, DataPlace> | undefined,
): { pieces: Uint8Array[]; size: number } {
  const nodes = onnx.GraphProto.encode(graphProto(graph)).finish();
  const weights = graph.weights.flatMap((weight) => {
    const header = onnx.TensorProto.encode(tensorProto(weight, places?.get(weight))).finish();
    const data = places === undefined ? bytesOf(weight.data) : undefined;
    const dataHead = data === undefined ? new Uint8Array() : fieldHead(rawDataField, data.byteLength);
    const length = header.byteLength + dataHead.byteLength + (data?.byteLength ?? 0);
    return [fieldHead(initializerField, length), header, dataHead, ...(data === undefined ? [] : [data])];
  });
  const inside = [nodes, ...weights];
  const head = [
    onnx.ModelProto.encode(modelFields).finish(),
    fieldHead(
      graphField,
      inside.reduce((sum, piece) => sum + piece.byteLength, 0),
    ),
  ];
  const all = [...head, ...inside];
  return { pieces: all, size: all.reduce((sum, piece) => sum + piece.byteLength, 0) };
}

/** Tag and length before a length-delimited field (wire type 2), both as varints. */
function fieldHead(field: number, length: number): Uint8Array {
  return Uint8Array.from([...varint(field * 8 + 2), ...varint(length)]);
}

/** Seven bits a byte, the lowest first; arithmetic instead of shifts, which end at 32 bits. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

async function writePieces(file: FileHandle, all: readonly Uint8Array[]): Promise<void> {
  let position = 0;
  for (const piece of all) {
    await writeAt(file, piece, position);
    position += piece.byteLength;
  }
}

/** Writes all bytes at a place of a file, in as many calls as it takes. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, start: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await file.write(
      bytes,
      done,
      Math.min(writeSize, bytes.byteLength - done),
      start + done,
    );
    done += bytesWritten;
  }
}
