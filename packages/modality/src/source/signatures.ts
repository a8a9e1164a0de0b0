/** What a file is by its first bytes, where these tell. */
export interface Kind {
  /** As in `is …`. */
  name: string;
  /** How it becomes readable. */
  remedy: string;
}

/** How a file is compressed that is read as it is. */
export type Codec = "gzip" | "zstd";

const unpack = "Unpack it first, and name the files inside of it.";
const exportText = "Export it as CSV, JSON lines or Parquet.";

/** First bytes in latin1, and what they tell. */
const kinds: [start: string, kind: Kind][] = [
  [
    "BZh",
    { name: "compressed by bzip2", remedy: "Unpack it with bunzip2, or compress it with gzip or zstd." },
  ],
  [
    "\xfd7zXZ\0",
    { name: "compressed by xz", remedy: "Unpack it with xz -d, or compress it with gzip or zstd." },
  ],
  [
    "\x04\x22\x4d\x18",
    { name: "compressed by lz4", remedy: "Unpack it with lz4 -d, or compress it with zstd." },
  ],
  [
    "\x5d\0\0",
    { name: "compressed by lzma", remedy: "Unpack it with unlzma, or compress it with gzip or zstd." },
  ],
  [
    "\xff\x06\0\0sNaPpY",
    { name: "compressed by snappy", remedy: "Unpack it, or compress it with gzip or zstd." },
  ],
  ["\x1f\x9d", { name: "compressed by compress (.Z)", remedy: "Unpack it with uncompress." }],
  ["7z\xbc\xaf\x27\x1c", { name: "a 7z archive", remedy: unpack }],
  ["Rar!", { name: "a rar archive", remedy: unpack }],
  [
    "PK\x03\x04",
    {
      name: "a zip archive, as Excel's workbooks are",
      remedy: "Name one of its files in `member`, or export the workbook as CSV.",
    },
  ],
  ["\xd0\xcf\x11\xe0", { name: "a workbook or document of old Office", remedy: exportText }],
  ["PAR1", { name: "Parquet", remedy: "Set `format: parquet`." }],
  ["ORC", { name: "ORC", remedy: exportText }],
  ["ARROW1", { name: "an Arrow (Feather) file", remedy: exportText }],
  ["FEA1", { name: "a Feather file", remedy: exportText }],
  ["Obj\x01", { name: "Avro", remedy: exportText }],
  ["SEQ\x06", { name: "a sequence file of Hadoop", remedy: exportText }],
  ["SQLite format 3\0", { name: "an SQLite database", remedy: exportText }],
  ["\x89HDF", { name: "HDF5", remedy: exportText }],
  ["\x93NUMPY", { name: "an array of NumPy", remedy: exportText }],
  ["%PDF", { name: "a PDF", remedy: exportText }],
  ["\x89PNG", { name: "a picture (PNG)", remedy: exportText }],
  ["GIF8", { name: "a picture (GIF)", remedy: exportText }],
  ["\xff\xd8\xff", { name: "a picture (JPEG)", remedy: exportText }],
  ["RDX", { name: "saved by R", remedy: exportText }],
];

/** How many bytes `codecOf` and `kindOf` look at. */
export const signatureLength = 512;

/** The codec of a file that is read as it is. */
export function codecOf(start: Buffer): Codec | undefined {
  if (start.length >= 2 && start[0] === 0x1f && start[1] === 0x8b) return "gzip";
  if (start.length < 4) return undefined;
  const magic = start.readUInt32LE(0);
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5 ? "zstd" : undefined;
}

/** What bytes are that no delimited text or JSON begins with; undefined where they may be text. */
export function kindOf(start: Buffer): Kind | undefined {
  const text = start.toString("latin1");
  const known = kinds.find(([begin]) => text.startsWith(begin));
  if (known !== undefined) return known[1];
  if (text.slice(257, 262) === "ustar") return { name: "a tar archive", remedy: unpack };
  if (/^\x80[\x02-\x05][\x80-\xff}\]cK(]/.test(text)) {
    return { name: "saved by Python's pickle", remedy: exportText };
  }
  if (/^(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|\?xml)/i.test(text)) {
    return {
      name: "a web page or XML",
      remedy: "Was it downloaded whole, and logged in? Name a file of text.",
    };
  }
  if (text.startsWith("version https://git-lfs")) {
    return { name: "a pointer of Git LFS, not the file itself", remedy: "Fetch it with git lfs pull." };
  }
  return undefined;
}
