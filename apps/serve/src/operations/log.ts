import pino from "pino";
import { requestContext } from "./request-context.ts";

/** What a line of the log tells besides its message: never ids of users or items, bodies or keys. */
export interface LogFields {
  /** Default `info`. */
  readonly level?: "info" | "warn" | "error" | undefined;
  readonly [name: string]: string | number | boolean | readonly string[] | undefined;
}

/** Takes a message for people, and the same in fields for programs. */
export type Log = (message: string, fields?: LogFields) => void;

/** How lines are written: JSON for programs, or text for a terminal. */
export type LogFormat = "json" | "text";

/** Where lines go. */
interface Output {
  write(text: string): unknown;
}

/** A log: JSON lines with time, level, fields and the running request's id, or the bare messages. */
export function createLog(format: LogFormat, output: Output = together(process.stdout)): Log {
  if (format === "text") return (message) => void output.write(`${message}\n`);
  const logger = pino(
    {
      // Containers tell host and process themselves.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    { write: (line) => void output.write(line) },
  );
  return (message, { level = "info", ...fields } = {}) => {
    const request = requestContext.getStore()?.id;
    logger[level]({ ...(request === undefined ? {} : { request }), ...fields }, message);
  };
}

/** Writes the lines of one turn of the event loop in one call, after what waits for it was answered; those that are left when the process ends. */
export function together(output: Output): Output {
  let lines = "";
  const write = (): void => {
    if (lines !== "") output.write(lines);
    lines = "";
  };
  process.once("exit", write);
  return {
    write(text) {
      if (lines === "") setImmediate(write);
      lines += text;
    },
  };
}
