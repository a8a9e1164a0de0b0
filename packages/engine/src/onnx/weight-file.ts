import { open, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import { makeTemporaryFolder } from "@corella/files";
import type { CapturedGraph } from "../capture/captured-graph.ts";
import type { GraphWeight } from "../capture/backend/graph.ts";
import { writeAt } from "./file.ts";
import { alignment, bytesOf, encodeGraph, type DataPlace } from "./model.ts";
import { emptyLike, type WeightArray, type WeightStore } from "../precision/weight-store.ts";

/** Weights in a temporary file, which onnxruntime maps: what it has packed of it no longer takes memory. */
export interface WeightFile extends WeightStore {
  /** Adds the rest of a graph whose weights are arrays of this store or of memory; returns the path of the model. */
  finish(graph: CapturedGraph): Promise<string>;
  /** Deletes the file; a session that has been opened on it goes on. On Windows, once the session has been released. */
  remove(): Promise<void>;
}

const dataName = "weights";

/**
 * A new file for weights, in a folder of its own.
 * @param folder where that folder goes; default the system's folder for temporary files, or /var/tmp where that is
 * memory
 * @throws CorellaError `engine/weight-file` when it cannot be written, here and in every write
 */
export async function createWeightFile(folder: string | undefined): Promise<WeightFile> {
  const parent = folder ?? (await temporaryFolder());
  const own = await explained(parent, () => makeTemporaryFolder(parent, "corella-weights"));
  const file = await explained(parent, () => open(join(own, dataName), "wx"));
  const places = new Map<WeightArray, DataPlace>();
  let end = 0;

  function placeFor(byteLength: number): DataPlace {
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + byteLength;
    return { location: dataName, offset, length: byteLength };
  }

  async function placeOf(weight: GraphWeight): Promise<DataPlace> {
    const known = places.get(weight.data);
    if (known !== undefined) return known;
    const place = placeFor(weight.data.byteLength);
    await explained(parent, () => writeAt(file, bytesOf(weight.data), place.offset));
    return place;
  }

  return {
    reserve(like, length) {
      // No numbers in memory: only which array it is counts.
      const array = emptyLike(like, 0);
      const place = placeFor(length * like.BYTES_PER_ELEMENT);
      places.set(array, place);
      return {
        array,
        write: (part, start) =>
          explained(parent, () =>
            writeAt(file, bytesOf(part), place.offset + start * part.BYTES_PER_ELEMENT),
          ),
      };
    },
    async finish(graph) {
      const located = new Map<GraphWeight, DataPlace>();
      for (const weight of graph.weights) {
        const place = await placeOf(weight);
        // Nothing cannot be mapped, and needs no place.
        if (place.length > 0) located.set(weight, place);
      }
      const path = join(own, "model.onnx");
      await explained(parent, () => writeFile(path, encodeGraph(graph, located)));
      await file.close();
      return path;
    },
    async remove() {
      await file.close();
      try {
        await rm(own, { recursive: true, force: true });
      } catch (error) {
        // Windows deletes no file that is mapped.
        if (process.platform !== "win32") throw error;
      }
    },
  };
}

/** The type that statfs(2) gives a file system in memory. */
const tmpfs = 0x01021994;

/** A file in a folder that is memory itself would save none. */
async function temporaryFolder(): Promise<string> {
  const typeOf = async (path: string): Promise<number | undefined> =>
    (await statfs(path).catch(() => undefined))?.type;
  const onDisk = "/var/tmp";
  if (process.platform !== "linux" || (await typeOf(tmpdir())) !== tmpfs) return tmpdir();
  const type = await typeOf(onDisk);
  return type === undefined || type === tmpfs ? tmpdir() : onDisk;
}

async function explained<Result>(folder: string, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CorellaError({
      code: "engine/weight-file",
      message: `The weights cannot be written into a temporary file: ${reason}.`,
      place: folder,
      remedy:
        "Free some disk space there, or choose another folder: `temporaryFolder` of the runtime, or the environment's TMPDIR.",
      cause,
    });
  }
}
