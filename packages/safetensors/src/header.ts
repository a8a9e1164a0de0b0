import { CorellaError } from "@corella/errors";
import { bytesPerElement, dtypes, elementCount, isDtype, type Dtype } from "./dtype.ts";

/** What the header says of one tensor. `byteOffset` counts from the start of the file. */
export interface TensorInfo {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** What the JSON header of a file says. */
export interface Header {
  /** In the order of the bytes in the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The reference implementation's limit: no honest header is longer, and a foreign file's first bytes are a huge number. */
const longestHeaderBytes = 100_000_000;

/** First bytes of what people mistake for a safetensors file. */
const foreignSignatures: readonly (readonly [signature: string, remedy: string])[] = [
  ["version ", "This is a Git LFS pointer: fetch the real file with `git lfs pull`."],
  ["GGUF", "This is a GGUF file: open it as GGUF."],
  [
    "PK\u0003\u0004",
    "This is a zip archive, perhaps a PyTorch .bin or .pt: convert it to safetensors in Python first.",
  ],
  ["<!DOCTYPE", "This is a web page, saved in place of the file: download it again."],
  ["<html", "This is a web page, saved in place of the file: download it again."],
];

/**
 * Length in bytes of the JSON header, from the first bytes of the file (16 where it has them).
 * @throws CorellaError `safetensors/truncated` or `safetensors/not-safetensors`.
 */
export function headerByteLength(start: Uint8Array, fileBytes: number, place: string): number {
  if (fileBytes < 8)
    throw truncated(place, `the file has ${fileBytes} bytes, and its header length alone takes 8`);
  const length = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
  const foreign = length > longestHeaderBytes || (start.length > 8 && start[8] !== "{".charCodeAt(0));
  if (foreign || length < 2) throw notSafetensors(place, start);
  if (8 + length > fileBytes) {
    throw truncated(
      place,
      `the header takes ${length} bytes, and the file has ${fileBytes - 8} after its length`,
    );
  }
  return length;
}

/**
 * Parses and checks the JSON header: every tensor has a known dtype, a byte range of the size that its shape asks for,
 * and the ranges cover the rest of the file without gap or overlap (the rules of the reference implementation).
 * @throws CorellaError with a code `safetensors/...`, naming the file and the tensor.
 */
export function parseHeader(header: Uint8Array, fileBytes: number, place: string): Header {
  const entries = parseJson(header, place);
  const dataStart = 8 + header.length;
  const metadata = parseMetadata(entries.find(([name]) => name === "__metadata__")?.[1], place);

  const tensors = entries
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]): [string, TensorInfo] => [
      name,
      parseEntry(entry, dataStart, `${place}, tensor ${name}`),
    ]);
  // Empty tensors share their offset with the next one: they come before it.
  tensors.sort(([, a], [, b]) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);

  let end = dataStart;
  for (const [name, info] of tensors) {
    if (info.byteOffset !== end) {
      const problem = info.byteOffset < end ? "overlaps the tensor before it" : "leaves a gap before it";
      throw badHeader(
        "safetensors/bad-offsets",
        `The byte range of the tensor ${problem}.`,
        `${place}, tensor ${name}`,
      );
    }
    end += info.byteLength;
    if (end > fileBytes) {
      throw truncated(
        `${place}, tensor ${name}`,
        `its data ends at byte ${end}, and the file has ${fileBytes}`,
      );
    }
  }
  if (end !== fileBytes) {
    throw badHeader(
      "safetensors/bad-offsets",
      `${fileBytes - end} bytes after the last tensor belong to no tensor.`,
      place,
    );
  }
  return { tensors: new Map(tensors), metadata };
}

function parseJson(header: Uint8Array, place: string): [string, unknown][] {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
    value = JSON.parse(text);
  } catch (cause) {
    throw badHeader("safetensors/bad-header", "The header is not valid JSON in UTF-8.", place, cause);
  }
  if (!isRecord(value)) throw badHeader("safetensors/bad-header", "The header is not a JSON object.", place);
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) {
    throw badHeader(
      "safetensors/duplicate-name",
      `The header has the key ${JSON.stringify(duplicate)} twice.`,
      place,
    );
  }
  return Object.entries(value);
}

function parseMetadata(value: unknown, place: string): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (!isRecord(value) || !Object.values(value).every((item) => typeof item === "string")) {
    throw badHeader(
      "safetensors/bad-metadata",
      "The metadata is not an object of strings.",
      `${place}, __metadata__`,
    );
  }
  return value as Record<string, string>;
}

function parseEntry(entry: unknown, dataStart: number, place: string): TensorInfo {
  if (!isRecord(entry))
    throw badHeader("safetensors/bad-header", "The tensor's entry is not an object.", place);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDtype(dtype)) {
    throw new CorellaError({
      code: "safetensors/unknown-dtype",
      message: `The tensor's dtype ${JSON.stringify(dtype)} is not known here.`,
      place,
      remedy: `Convert it to one of ${dtypes.join(", ")}.`,
    });
  }
  const count = isNumberArray(shape) ? elementCount(shape) : Number.NaN;
  if (!isNumberArray(shape) || Number.isNaN(count)) {
    throw badHeader("safetensors/bad-header", "The tensor's shape is not a list of whole numbers.", place);
  }
  const [begin, end] = isNumberArray(offsets) && offsets.length === 2 ? offsets : [];
  if (!isOffset(begin) || !isOffset(end) || end < begin) {
    throw badHeader(
      "safetensors/bad-offsets",
      "The tensor's data_offsets are not two ascending whole numbers.",
      place,
    );
  }
  const byteLength = count * bytesPerElement(dtype);
  if (end - begin !== byteLength) {
    const message = `The tensor has ${end - begin} bytes, but ${dtype} of shape [${shape.join(", ")}] takes ${byteLength}.`;
    throw badHeader("safetensors/bad-offsets", message, place);
  }
  return { dtype, shape, byteOffset: dataStart + begin, byteLength };
}

/** The first key that stands twice in one object of a valid JSON text: JSON.parse keeps the last one silently. */
function duplicateKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < json.length; i++) {
    const character = json[i]!;
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(undefined);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const begin = i;
      for (i++; json[i] !== '"'; i++) if (json[i] === "\\") i++;
      const end = i + 1;
      let next = end;
      while (" \t\r\n".includes(json[next] ?? "x")) next++;
      if (json[next] !== ":") continue;
      const key = JSON.parse(json.slice(begin, end)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

function notSafetensors(place: string, start: Uint8Array): CorellaError {
  const text = String.fromCharCode(...start.subarray(0, 16));
  const remedy = foreignSignatures.find(([signature]) => text.startsWith(signature))?.[1];
  return new CorellaError({
    code: "safetensors/not-safetensors",
    message: "This is not a safetensors file: it does not begin with a header length and a JSON object.",
    place,
    remedy: remedy ?? "Check the path, or download the file again.",
  });
}

/** The error for a file that ends too early. */
export function truncated(place: string, reason: string): CorellaError {
  return new CorellaError({
    code: "safetensors/truncated",
    message: `The file is cut short: ${reason}.`,
    place,
    remedy: "Download, copy or write the file again.",
  });
}

function badHeader(code: string, message: string, place: string, cause?: unknown): CorellaError {
  const remedy = "The file is damaged or was written by a faulty program: download or write it again.";
  return new CorellaError({ code, message, place, remedy, cause });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumberArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number");
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
