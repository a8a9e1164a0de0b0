import type { TableConfig } from "./config.ts";
import { encodingComplaint } from "./encodings.ts";
import type { BadLine } from "./records.ts";

/** Lines that are no rows, by what is wrong with them. */
export interface Rejected {
  reason: string;
  count: number;
  firstPlace: string;
  /** What may be done about it, where that is more than to correct or skip the row. */
  remedy?: string;
}

/** Counts lines that are no rows, by kind. */
export class Rejects {
  readonly #config: TableConfig;
  readonly #byKind = new Map<string, Rejected>();

  constructor(config: TableConfig) {
    this.#config = config;
  }

  columns(file: string, line: number, fields: readonly string[], expected: number): void {
    const found = fields.length;
    const kind = found < expected ? "few" : "many";
    const column = Math.min(found, expected) + 1;
    const rejected = this.#count(kind, `${file}:${line}, column ${column}`);
    if (rejected.reason !== "") return;
    rejected.reason = `a row has ${found} columns where ${expected} are expected`;
    if (found === 1 && /^\s*[^\s:]+\s*[:|]\s*\d*\s*$/.test(fields[0]!))
      rejected.remedy = `Where lines such as ${fields[0]!.trim()} tell the item or user of the rows below, write heading: { column: item }`;
    else if (found > expected)
      rejected.remedy =
        "Correct the row, write lastTakesRest: true where the last column may hold the delimiter";
  }

  line(
    file: string,
    { line, kind, position }: Omit<BadLine, "kind"> & { kind: BadLine["kind"] | "array" | "python" },
  ): void {
    const rejected = this.#count(kind, `${file}:${line}, column ${position + 1}`);
    if (rejected.reason !== "") return;
    if (kind === "long") rejected.reason = "a line is longer than 2,000,000 characters";
    else if (kind === "encoding") {
      rejected.reason = encodingComplaint(this.#config.encoding);
      rejected.remedy = "Set the encoding in which the file was written (utf-8, latin1, cp1252, utf-16)";
    } else if (kind === "array") {
      rejected.reason = "a line is a JSON array, or the start of one, and not an object";
      rejected.remedy = "Write an object a line (jq -c '.[]' does that of one array)";
    } else if (kind === "python") {
      rejected.reason = "a line begins as Python writes a dictionary ('...'), but is none of plain values";
      rejected.remedy = "Correct the row, write the file by json.dumps";
    } else {
      rejected.reason = "a quote is not closed, or text follows it";
      rejected.remedy =
        'Correct the row; set quote: "" where quotes are ordinary characters, or escape where a character before them says so';
    }
  }

  #count(kind: string, firstPlace: string): Rejected {
    const known = this.#byKind.get(kind);
    if (known !== undefined) {
      known.count++;
      return known;
    }
    const made = { reason: "", count: 1, firstPlace };
    this.#byKind.set(kind, made);
    return made;
  }

  all(): Rejected[] {
    return [...this.#byKind.values()];
  }
}
