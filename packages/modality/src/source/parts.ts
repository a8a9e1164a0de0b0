import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { literal } from "./database.ts";
import { rowAt, rowAtName } from "./text-rows.ts";

// Rows of text on their way to DuckDB: cells parted by a control character, others of which are spelt by two characters, so that
// no cell is ever quoted, and DuckDB's reader, which loses what an open quote swallows, has nothing to decide.

const separator = "\u001f";
const escape = "\u001b";
const spellings: readonly [character: string, letter: string][] = [
  [separator, "u"],
  ["\n", "n"],
  ["\r", "r"],
  ["\0", "0"],
  [escape, "e"], // the last: its spelling would spoil the others'
];
const special = new RegExp(`[${spellings.map(([character]) => character).join("")}]`);
const everySpecial = new RegExp(special, "g");
const letters = new Map(spellings);

/** So many characters make a part. */
const partLength = 1 << 26;

/** A file of rows for DuckDB, which is written and read in parts, so that it never takes much space. */
export class PartWriter {
  readonly #folder: string;
  readonly #columns: string;
  #file: FileHandle | undefined;
  #path = "";
  #number = 0;
  #text = "";
  #length = 0;
  #rowStart = 0; // in `#text`
  #longestRow = 0;
  #isSpelt = false;

  /**
   * @param name of the files
   * @param count how many cells a row has
   */
  constructor(folder: string, name: string, count: number) {
    this.#folder = join(folder, `${name}-part`);
    const columns = Array.from({ length: count }, (_, index) => `'c${index}': 'VARCHAR'`);
    this.#columns = [`${literal(rowAtName)}: 'BIGINT'`, ...columns].join(", ");
  }

  /** Begins a row, which came from the place `at`. */
  begin(at: number): void {
    this.#rowStart = this.#text.length;
    this.#text += at;
  }

  cell(text: string): void {
    this.#text += separator;
    if (special.test(text)) {
      this.#isSpelt = true;
      this.#text += text.replaceAll(everySpecial, (character) => escape + letters.get(character)!);
    } else this.#text += text;
  }

  end(): void {
    this.#text += "\n";
    this.#longestRow = Math.max(this.#longestRow, this.#text.length - this.#rowStart);
  }

  /** Writes what was gathered; true when it is time to `take` the part. */
  async flush(): Promise<boolean> {
    if (this.#text === "") return false;
    if (this.#file === undefined) {
      this.#path = `${this.#folder}-${this.#number++}`;
      this.#file = await open(this.#path, "w");
    }
    await this.#file.write(this.#text);
    this.#length += this.#text.length;
    this.#text = "";
    return this.#length >= partLength;
  }

  /**
   * SQL that selects what was written: `rowAt` and the cells, by an expression each. Undefined when that is nothing.
   * @param select from the SQL of each cell to the list that is selected
   */
  async take(select: (cells: string[]) => string): Promise<string | undefined> {
    await this.flush();
    await this.#file?.close();
    if (this.#file === undefined) return undefined;
    const count = this.#columns.split(", ").length - 1;
    const cells = Array.from({ length: count }, (_, index) =>
      this.#isSpelt ? unspell(`c${index}`) : `c${index}`,
    );
    const longest = 4 * this.#longestRow + 100; // bytes
    const options = [
      literal(this.#path),
      `delim = ${literal(separator)}`,
      "quote = ''",
      "escape = ''",
      "header = false",
      `columns = {${this.#columns}}`,
      "auto_detect = false",
      `max_line_size = ${longest}`,
      `buffer_size = ${Math.max(4 * longest, Math.min(1 << 23, 4 * this.#length))}`, // the default takes long to allocate
    ];
    this.#file = undefined;
    this.#length = 0;
    this.#longestRow = 0;
    this.#isSpelt = false;
    return `SELECT ${rowAt}, ${select(cells)} FROM read_csv(${options.join(", ")})`;
  }

  /** Removes the part that was taken. */
  async remove(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    if (this.#path !== "") await rm(this.#path, { force: true });
  }
}

function unspell(cell: string): string {
  let text = cell;
  for (const [character, letter] of spellings) {
    text = `replace(${text}, chr(27) || '${letter}', chr(${character.charCodeAt(0)}))`;
  }
  return `CASE WHEN contains(${cell}, chr(27)) THEN ${text} ELSE ${cell} END`;
}
