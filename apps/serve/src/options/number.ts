import { CorellaError } from "@corella/errors";

/** Reads the value of an option that is a whole number. @throws CorellaError `serve/bad-option` */
export function wholeNumber(option: string, least: number = 1): (value: string) => number {
  return (value) => {
    const number = Number(value);
    // The longest that timers can wait.
    if (/^\d+$/.test(value) && number >= least && number < 2 ** 31) return number;
    throw badNumber(option, `"${value}" is not a whole number of at least ${least}.`);
  };
}

/** Reads the value of an option that is a number above 0. @throws CorellaError `serve/bad-option` */
export function positiveNumber(option: string, most: number = Infinity): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^[\d.]+$/.test(value) && number > 0 && number <= most) return number;
    const limit = most === Infinity ? "" : `, at most ${most}`;
    throw badNumber(option, `"${value}" is not a number above 0${limit}.`);
  };
}

function badNumber(option: string, message: string): CorellaError {
  return new CorellaError({
    code: "serve/bad-option",
    message,
    place: option,
    remedy: "Leave it out for the default.",
  });
}
