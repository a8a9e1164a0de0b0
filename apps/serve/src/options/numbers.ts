import { CorellaError } from "@corella/errors";

/** Reads a whole number of an option, as timers can wait. @throws CorellaError `serve/bad-option` */
export function wholeNumber(option: string, least = 1): (value: string) => number {
  return (value) => {
    const number = Number(value);
    // The longest that timers can wait.
    if (/^\d+$/.test(value) && number >= least && number < 2 ** 31) return number;
    throw new CorellaError({
      code: "serve/bad-option",
      message: `"${value}" is not a whole number of at least ${least}.`,
      place: option,
      remedy: "Leave it out for the default.",
    });
  };
}
