import { CorellaError } from "@corella/errors";

/** The error of a store that is used after it was closed. */
export function storeClosed(place: string): CorellaError {
  return new CorellaError({
    code: "store/closed",
    message: "The store is closed.",
    place,
    remedy: "Open it again.",
  });
}
