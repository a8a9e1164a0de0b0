import { CorellaError } from "@corella/errors";

/**
 * An error of a package as the user of a command is to hear of it: packages do not know by which commands they are called.
 * @param remedies what to do, by the error's code; other errors stay as they are
 */
export function withRemedy(error: unknown, remedies: Readonly<Record<string, string>>): unknown {
  if (!CorellaError.isInstance(error) || !Object.hasOwn(remedies, error.code)) return error;
  const { code, message, place } = error;
  return new CorellaError({ code, message, place, remedy: remedies[code]!, cause: error });
}
