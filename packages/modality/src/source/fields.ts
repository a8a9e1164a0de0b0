import type { TableConfig } from "./config.ts";

/** How a line is divided into fields. */
export type FieldSyntax = Pick<TableConfig, "delimiter" | "quote" | "escape">;

/** What a line did to a record: ended it, left a quote open, or put text behind a closed quote. */
export type LineOutcome = "whole" | "open" | "bad";

/** The fields of a record of delimited text, which takes one line or, with a line break in quotes, several. */
export class FieldReader {
  readonly #delimiter: string;
  readonly #quote: string;
  readonly #escape: string;
  fields: string[] = [];
  /** The field of the open quote so far, without its last, unfinished line. */
  #open: string | undefined;

  constructor(syntax: FieldSyntax) {
    this.#delimiter = syntax.delimiter;
    this.#quote = syntax.quote;
    this.#escape = syntax.escape === syntax.quote ? "" : syntax.escape;
  }

  /** Whether a line is divided by its delimiters alone. */
  isPlain(line: string): boolean {
    return (
      (this.#quote === "" || !line.includes(this.#quote)) &&
      (this.#escape === "" || !line.includes(this.#escape))
    );
  }

  /** Begins a record with its first line. */
  begin(line: string): LineOutcome {
    this.#open = undefined;
    if (this.isPlain(line)) {
      this.fields = line.split(this.#delimiter);
      return "whole";
    }
    this.fields = [];
    return this.#read(line);
  }

  /** Goes on with the next line of a record whose quote is open. */
  go(line: string): LineOutcome {
    this.#open = `${this.#open}\n`;
    return this.#read(line);
  }

  #read(line: string): LineOutcome {
    let at = 0;
    for (;;) {
      if (this.#open === undefined && this.#quote !== "" && line.startsWith(this.#quote, at)) {
        this.#open = "";
        at++;
      }
      if (this.#open === undefined) at = this.#readPlain(line, at);
      else {
        at = this.#readQuoted(line, at);
        if (at < 0) return "open";
        if (at < line.length && !line.startsWith(this.#delimiter, at)) return "bad";
        this.fields.push(this.#open);
        this.#open = undefined;
      }
      if (at >= line.length) return "whole";
      at += this.#delimiter.length;
    }
  }

  /** A field outside of quotes; returns where it ends. */
  #readPlain(line: string, start: number): number {
    const delimiter = line.indexOf(this.#delimiter, start);
    const end = delimiter < 0 ? line.length : delimiter;
    const escape = this.#escape === "" ? -1 : line.indexOf(this.#escape, start);
    if (escape < 0 || escape >= end) {
      this.fields.push(line.slice(start, end));
      return end;
    }
    let field = "";
    let at = start;
    while (at < line.length && !line.startsWith(this.#delimiter, at)) {
      if (line[at] === this.#escape) {
        const [text, length] = this.#unescape(line, at);
        field += text;
        at += length;
      } else field += line[at++]!;
    }
    this.fields.push(field);
    return at;
  }

  /** Text in quotes; returns where it ends, behind the quote, or -1 when the line ends before. */
  #readQuoted(line: string, start: number): number {
    let from = start;
    let at = start;
    while (at < line.length) {
      const character = line[at]!;
      if (character === this.#quote) {
        this.#open += line.slice(from, at);
        if (line[at + 1] !== this.#quote) return at + 1;
        this.#open += this.#quote;
        at = from = at + 2;
      } else if (character === this.#escape) {
        const [text, length] = at + 1 === line.length ? ["", 1] : this.#unescape(line, at); // before a line break: that alone
        this.#open += line.slice(from, at) + text;
        at = from = at + length;
      } else at++;
    }
    this.#open += line.slice(from);
    return -1;
  }

  /**
   * What an escape character stands for, and how many characters it takes: before a quote, a delimiter or itself for that one,
   * before anything else (`\N`, `C:\temp`) for itself.
   */
  #unescape(line: string, at: number): [text: string, length: number] {
    const next = line[at + 1];
    if (next !== undefined && (next === this.#quote || next === this.#escape)) return [next, 2];
    if (line.startsWith(this.#delimiter, at + 1)) return [this.#delimiter, 1 + this.#delimiter.length];
    return [this.#escape, 1];
  }
}
