import { readFile } from "node:fs/promises";
import { alpacaPrompt } from "@corella/alignment";
import type { AskedPrompts } from "@corella/bundle";
import { CorellaError, systemRemedy } from "@corella/errors";

/** Instructions with their answers, in the order of their file. */
export interface Instructions {
  /** Each as a language model reads it. */
  readonly prompts: readonly string[];
  /** 1 for yes. */
  readonly labels: Float32Array;
}

const keys = ["instruction", "input", "output"] as const;

/**
 * Reads a JSON list of objects of instruction, input and output, the form in which TALLRec publishes its test sets. An output is one of
 * the answers' words, with or without a full stop; an input may be empty.
 * @throws CorellaError `evaluate/instructions` with the number of the record, counted from 1
 */
export async function readInstructions(path: string, words: AskedPrompts["words"]): Promise<Instructions> {
  const records = await listOf(path);
  const labels = new Float32Array(records.length);
  const prompts = records.map((record, i) => {
    const place = `${path}, record ${i + 1}`;
    const { instruction, input, output } = textsOf(record, place);
    labels[i] = labelOf(output, words, place);
    return alpacaPrompt({ instruction, input });
  });
  return { prompts, labels };
}

async function listOf(path: string): Promise<readonly unknown[]> {
  let content: string;
  try {
    content = await readFile(path, "utf8");
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const remedy = isMissing ? "Correct the path." : systemRemedy(error);
    throw malformed("The file cannot be read.", path, remedy, error);
  }
  let value: unknown;
  try {
    value = JSON.parse(content.replace(/^\uFEFF/, ""));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw malformed(
      `The file is no JSON: ${problem}.`,
      path,
      "Give one JSON list; of objects line by line, put [ and ] around them and commas between.",
      error,
    );
  }
  if (!Array.isArray(value))
    throw malformed(
      `The file holds ${kindOf(value)} in place of a list.`,
      path,
      `Give a list of objects with ${keys.join(", ")}.`,
    );
  if (value.length > 0) return value;
  throw malformed("The list is empty.", path, "Give it one record at least.");
}

function textsOf(record: unknown, place: string): Readonly<Record<(typeof keys)[number], string>> {
  if (typeof record !== "object" || record === null || Array.isArray(record))
    throw malformed(
      `The record is ${kindOf(record)} in place of an object.`,
      place,
      `Give it ${keys.join(", ")}.`,
    );
  const texts = record as Readonly<Record<(typeof keys)[number], string>>;
  for (const key of keys) {
    if (typeof texts[key] === "string") continue;
    const found = key in record ? `has ${kindOf(texts[key])} as its ${key}` : `has no ${key}`;
    const empty = key === "input" ? ', "" where there is none' : "";
    throw malformed(`The record ${found}.`, place, `Give it a text as its ${key}${empty}.`);
  }
  if (texts.instruction.trim() !== "") return texts;
  throw malformed("The record's instruction is empty.", place, "Say what is asked in its instruction.");
}

function labelOf(output: string, words: AskedPrompts["words"], place: string): 0 | 1 {
  const plain = (text: string): string => text.trim().replace(/\.$/, "");
  const is = (answer: AskedPrompts["words"]["yes"]): boolean =>
    [answer].flat().some((word) => plain(word) === plain(output));
  if (is(words.yes)) return 1;
  if (is(words.no)) return 0;
  const known = [words.yes, words.no].flat().map((word) => JSON.stringify(word.trim()));
  throw malformed(
    `The record's output, ${JSON.stringify(output)}, is neither answer.`,
    place,
    `Write ${known.join(" or ")}, with or without a full stop; the words are those of the bundle's llm.answers.`,
  );
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function malformed(message: string, place: string, remedy: string, cause?: unknown): CorellaError {
  return new CorellaError({ code: "evaluate/instructions", message, place, remedy, cause });
}
