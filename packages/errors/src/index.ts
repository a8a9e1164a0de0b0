import { systemDetails } from "./system.ts";

export { systemRemedy } from "./system.ts";

const marker = Symbol.for("corella.error");

/** The parts of a `CorellaError`. */
export interface CorellaErrorDetails {
  /** Stable identifier that programs may test, for example `config/unknown-key`. */
  readonly code: string;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** The place of the mistake: a file, line, column, field or config path. */
  readonly place?: string | undefined;
  /** What the user can do about it. */
  readonly remedy?: string | undefined;
  /** What was thrown first, where something was. */
  readonly cause?: unknown;
}

/** Every mistake a user can make ends in one of these; anything else that is thrown is a defect of corella. */
export class CorellaError extends Error {
  readonly code: string;
  readonly place: string | undefined;
  readonly remedy: string | undefined;

  constructor(details: CorellaErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "CorellaError";
    this.code = details.code;
    this.place = details.place;
    this.remedy = details.remedy;
    Object.defineProperty(this, marker, { value: true });
  }

  /** Works across copies of this package, where `instanceof` does not. */
  static isInstance(value: unknown): value is CorellaError {
    return typeof value === "object" && value !== null && marker in value;
  }
}

/** An error as plain data, which may go to another thread or process; `new CorellaError(details)` makes it one again. */
export type PlainError = Omit<CorellaErrorDetails, "cause">;

/**
 * Turns whatever was thrown into plain data.
 * @param defect what is thrown but no CorellaError gets this code, and with `stack` its stack as the message, which
 * would be lost on the way
 */
export function plainError(
  error: unknown,
  defect: { readonly code: string; readonly stack?: boolean },
): PlainError {
  if (CorellaError.isInstance(error)) {
    const { code, message, place, remedy } = error;
    return { code, message, place, remedy };
  }
  if (!(error instanceof Error)) return { code: defect.code, message: String(error) };
  const { message, stack } = error;
  return { code: defect.code, message: defect.stack === true ? (stack ?? message) : message };
}

/**
 * An error as lines of text for a terminal or a log: three at most for a user's mistake or the system's refusal, the stack for a defect.
 * @example
 * ```ts
 * import { CorellaError, formatError } from "@corella/errors";
 *
 * const error = new CorellaError({
 *   code: "data/missing-file",
 *   message: "There is no such file.",
 *   place: "ratings.csv",
 *   remedy: "Check the path.",
 * });
 * console.log(formatError(error).split("\n")[2]); //   try: Check the path.
 * ```
 */
export function formatError(error: unknown): string {
  const details = CorellaError.isInstance(error) ? error : systemDetails(error);
  if (details === undefined) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const lines = [`error [${details.code}] ${details.message}`];
  if (details.place !== undefined) lines.push(`  at: ${details.place}`);
  if (details.remedy !== undefined) lines.push(`  try: ${details.remedy}`);
  return lines.join("\n");
}

/**
 * The candidate nearest to a misspelt name, for "did you mean" remedies; undefined when nothing is near.
 * @example
 * ```ts
 * import { nearestName } from "@corella/errors";
 *
 * console.log(nearestName("learningrate", ["learningRate", "epochs"])); // learningRate
 * ```
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    // The distance is no smaller: a name of a megabyte costs nothing.
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance with one row of memory. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}
