import { CorellaError } from "@corella/errors";

/** An error of the client or the server as one of ours. */
export function redisError(error: unknown, place: string): unknown {
  if (CorellaError.isInstance(error) || !(error instanceof Error)) return error;
  const { message } = error;
  // The server's own refusals begin with a word in capitals.
  if (/^(MISCONF|READONLY|OOM|NOREPLICAS)\b/.test(message)) {
    return new CorellaError({
      code: "store/write-failed",
      message: `Redis refuses to write: ${message}.`,
      place,
      remedy: "Mend the server (its disk, its memory, which server is the primary), then append again.",
      cause: error,
    });
  }
  if (/^(NOAUTH|WRONGPASS|NOPERM)\b/.test(message)) {
    return new CorellaError({
      code: "store/unavailable",
      message: `Redis refuses this user: ${message}.`,
      place,
      remedy: "Give user and password in the URL, and the user the rights to its commands.",
      cause: error,
    });
  }
  if (error.name === "ReplyError" && !message.startsWith("LOADING")) return error;
  return new CorellaError({
    code: "store/unavailable",
    message: `Redis does not answer: ${message}.`,
    place,
    remedy:
      "Start the server, or check address and network. What was not acknowledged may be appended again.",
    cause: error,
  });
}
