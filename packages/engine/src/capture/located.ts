import { fileURLToPath } from "node:url";
import { CorellaError } from "@corella/errors";
import { captureError } from "./backend/graph.ts";

/** tfjs' words for an operation that a backend does not know. */
const unknownKernel = /^Kernel '(\w+)' not registered for backend/;
const unknownGradient = /^Cannot compute gradient: gradient function not found for (\w+)/;
/** Enough for tfjs' own frames above an operation, which are a dozen. */
const stackDepth = 100;
const engineFolder = import.meta.dirname.replace(/[\\/]capture$/, "");

/**
 * Runs a trace. What it cannot capture ends in an error with the place in the program: the frame of the stack that
 * called tfjs. tfjs names an unknown operation itself, whichever it is.
 * @throws CorellaError engine/capture
 */
export function located<T>(run: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = stackDepth;
  try {
    return run();
  } catch (error) {
    throw error instanceof Error ? named(error) : error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function named(error: Error): Error {
  const place = callerOf(error.stack ?? "");
  const kernel = unknownKernel.exec(error.message)?.[1];
  if (kernel !== undefined) return captureError(`The operation ${kernel} cannot be captured.`, place);
  const gradient = unknownGradient.exec(error.message)?.[1];
  if (gradient !== undefined)
    return captureError(`tfjs has no gradient of the operation ${gradient}.`, place);
  if (!CorellaError.isInstance(error) || error.code !== "engine/capture" || error.place !== undefined)
    return error;
  const { code, message, remedy } = error;
  return new CorellaError({ code, message, place, remedy, cause: error });
}

/** `file:line:column` of the first frame outside tfjs and the engine. */
function callerOf(stack: string): string | undefined {
  for (const line of stack.split("\n")) {
    const location = /^\s+at (?:.*\()?((?:file:|\/|[A-Za-z]:[\\/]).*:\d+:\d+)\)?$/.exec(line)?.[1];
    if (location === undefined) continue;
    const path = location.startsWith("file:") ? pathOf(location) : location;
    const isEngine = path.startsWith(engineFolder) && !path.includes(".test.");
    if (!isEngine && !/@tensorflow[\\/+]|[\\/]tfjs-\w+[\\/]|[\\/]tslib/.test(path)) return path;
  }
  return undefined;
}

function pathOf(location: string): string {
  const [, url, position] = /^(.*?)(:\d+:\d+)$/.exec(location)!;
  return `${fileURLToPath(url!)}${position!}`;
}
