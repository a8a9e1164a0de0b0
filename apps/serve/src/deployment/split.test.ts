import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSplit, parseSplit } from "./split.ts";

const users = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);

describe("users are divided", () => {
  test("by the SHA-256 of salt and user", () => {
    const split = createSplit([30, 70], "spring");
    for (const user of users.slice(0, 200)) {
      const digest = createHash("sha256").update(`spring\0${user}`).digest("hex");
      const point = Number.parseInt(digest.slice(0, 12), 16) / 2 ** 48;
      expect(split(user)).toBe(point < 0.3 ? 0 : 1);
    }
  });

  test("as the shares say", () => {
    const split = createSplit([50, 20, 30], "spring");
    const counts = [0, 0, 0];
    for (const user of users) counts[split(user)]! += 1;
    // A share of n = 20,000 has a standard deviation of at most sqrt(.25 / n) = .0035.
    for (const [place, percent] of [50, 20, 30].entries())
      expect(Math.abs(counts[place]! / users.length - percent / 100)).toBeLessThan(0.015);
  });

  test("a share that grows keeps its users, another salt draws them anew", () => {
    const [small, large] = [createSplit([95, 5], "spring"), createSplit([80, 20], "spring")];
    const before = users.filter((user) => small(user) === 1);
    expect(before.length).toBeGreaterThan(500);
    expect(before.every((user) => large(user) === 1)).toBe(true);
    const anew = createSplit([95, 5], "autumn");
    const both = before.filter((user) => anew(user) === 1);
    // Of 1,000 users 5 % by chance.
    expect(both.length / before.length).toBeLessThan(0.1);
  });

  test("never to a share of nothing, however the shares round", () => {
    const shares = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(shares, fc.string(), (parts, user) => {
        const sum = parts.reduce((a, b) => a + b, 0);
        fc.pre(sum > 0);
        const place = createSplit(
          parts.map((part) => (100 * part) / sum),
          "salt",
        )(user);
        expect(parts[place]).toBeGreaterThan(0);
      }),
    );
  });
});

describe("what a command says", () => {
  const bundles = [
    { name: "main", version: "aa11" },
    { name: "canary", version: "bb22" },
    { name: "canary", version: "cc33" },
  ];

  test("names, versions, or both", () => {
    expect(parseSplit("main=90,bb22=7.5, canary/cc33=2.5", bundles)).toEqual([90, 7.5, 2.5]);
    expect(parseSplit("main=100", bundles)).toEqual([100, 0, 0]);
  });

  test.each([
    ["main=90", "The shares are 90 together."],
    ["main=90,other=10", 'No bundle is named "other".'],
    ["main=90,canary=10", 'Several bundles are named "canary".'],
    ["main", '"main" is not a name and a share.'],
    ["main=-5,bb22=105", '"main=-5" is not a name and a share.'],
  ])("%s is refused", (text, message) => {
    expect(() => parseSplit(text, bundles)).toThrowError(
      expect.objectContaining({ code: "serve/bad-option", place: "--split", message }) as Error,
    );
  });
});
