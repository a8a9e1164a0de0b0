import { createHash } from "node:crypto";
import { CorellaError } from "@corella/errors";

/** Which of several a user belongs to, by its place among the shares. */
export type Split = (user: string) => number;

/**
 * Divides users among shares: always the same for the same salt, on every server, and without remembering anybody. A share that
 * grows keeps its users where it grows at the cost of its neighbour alone.
 * @param percents one for each, together 100
 * @param salt of an experiment or period: another one draws users anew
 */
export function createSplit(percents: readonly number[], salt: string): Split {
  let sum = 0;
  const ends = percents.map((percent) => (sum += percent) / 100);
  return (user) => {
    const digest = createHash("sha256").update(`${salt}\0${user}`).digest();
    const point = digest.readUIntBE(0, 6) / 2 ** 48;
    const place = ends.findIndex((end) => point < end);
    // The sum of decimals may fall short of 1 by a rounding.
    return place === -1 ? percents.findLastIndex((percent) => percent > 0) : place;
  };
}

/** A bundle that can be named in a split. */
interface Named {
  readonly name: string;
  readonly version: string;
}

/**
 * The percents of bundles, in their order, from what a command says: `name=90,other=10`, or by version where two have one name.
 * @throws CorellaError `serve/bad-option`
 */
export function parseSplit(text: string, bundles: readonly Named[]): number[] {
  const percents = bundles.map(() => 0);
  const fail = (message: string): CorellaError =>
    new CorellaError({
      code: "serve/bad-option",
      message,
      place: "--split",
      remedy: `Give shares that are 100 together, such as ${bundles.length > 1 ? `${bundles[0]!.name}=90,${bundles[1]!.name}=10` : "name=90,other=10"}.`,
    });
  for (const part of text.split(",")) {
    const [, key = "", value] = /^(.+)=(\d+(?:\.\d+)?)$/.exec(part.trim()) ?? [];
    if (value === undefined) throw fail(`"${part}" is not a name and a share.`);
    const found = bundles.flatMap(({ name, version }, place) =>
      [name, version, `${name}/${version}`].includes(key) ? [place] : [],
    );
    if (found.length !== 1)
      throw fail(found.length === 0 ? `No bundle is named "${key}".` : `Several bundles are named "${key}".`);
    percents[found[0]!] = Number(value);
  }
  const sum = percents.reduce((a, b) => a + b, 0);
  if (Math.abs(sum - 100) > 1e-6) throw fail(`The shares are ${sum} together.`);
  return percents;
}
