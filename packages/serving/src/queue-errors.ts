import { CorellaError } from "@corella/errors";

interface Size {
  readonly rows: number;
  readonly bytes: number;
}

/** The error of records for which a queue has no room. */
export function full(asked: Size, bounds: Size): CorellaError {
  const never = asked.rows > bounds.rows || asked.bytes > bounds.bytes;
  return new CorellaError({
    code: "serving/full",
    message: never
      ? `${asked.rows} records of about ${asked.bytes} bytes are more than ever wait: ${bounds.rows} records, ${bounds.bytes} bytes.`
      : `More work waits than is kept: ${bounds.rows} records, ${bounds.bytes} bytes.`,
    remedy: never ? "Ask about fewer at once." : "Try again in a moment.",
  });
}

/** The error of a call whose time was up. @param cause the reason of its signal, where that said so */
export function expired(cause?: unknown): CorellaError {
  return new CorellaError({
    code: "serving/expired",
    message: "The time for an answer was up.",
    remedy: "Try again, or give it more time.",
    cause,
  });
}

/** The error of calls that a queue will not answer any more. */
export function closed(): CorellaError {
  return new CorellaError({
    code: "serving/closed",
    message: "The lane was closed.",
    remedy: "Ask another one.",
  });
}

/** The error of a lane whose answers are not as many as it was asked for. */
export function misanswered(answers: number, records: number): CorellaError {
  return new CorellaError({
    code: "serving/answers",
    message: `The lane gave ${answers} answers to ${records} records.`,
    remedy: "This is a mistake of the lane: it gives one probability for each record.",
  });
}

/** Whether an error says that somebody waited until the time was up, as that of `AbortSignal.timeout` does. */
export function isTimeout(error: unknown): error is Error {
  return error instanceof Error && error.name === "TimeoutError";
}
