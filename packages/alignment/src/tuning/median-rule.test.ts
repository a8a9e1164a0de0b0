import { expect, test } from "vitest";
import { mayGoOn, type Course } from "./median-rule.ts";

const rule = { afterTrials: 3, afterEpochs: 1 };
const course = (...scores: number[]): Course => ({
  points: scores.map((score, i) => [(i + 1) / 2, score]),
  length: 2,
  ended: false,
});
const others = [course(0.5, 0.6, 0.9), course(0.5, 0.7, 0.7), course(0.5, 0.8, 0.6)];

test("what is below the median of the others at the same epoch is stopped, what is at it goes on", () => {
  // At epoch 1 the others' best are .6, .7 and .8.
  expect(mayGoOn(course(0.5, 0.69), others, rule)).toBe(false);
  expect(mayGoOn(course(0.5, 0.7), others, rule)).toBe(true);
  // Its best so far counts, not the latest: .75 is above .7.
  expect(mayGoOn(course(0.75, 0.1), others, rule)).toBe(true);
  // At epoch 1.5 the others' best are .9, .7 and .8, so the median is .8.
  expect(mayGoOn(course(0.75, 0.79, 0.79), others, rule)).toBe(false);
});

test("with an even number of others the median is the mean of the middle two", () => {
  const four = [...others, course(0.1, 0.1, 0.1)]; // .1 .6 .7 .8 at epoch 1: .65
  expect(mayGoOn(course(0.5, 0.64), four, rule)).toBe(false);
  expect(mayGoOn(course(0.5, 0.66), four, rule)).toBe(true);
});

test("not too early, and not with too few to compare with", () => {
  expect(mayGoOn(course(0.1), others, rule)).toBe(true);
  expect(mayGoOn(course(0.1, 0.1), others.slice(1), rule)).toBe(true);
  // A trial that is still at epoch .5 is none to compare with, one that ended there is.
  const short = course(0.9);
  expect(mayGoOn(course(0.1, 0.1), [...others.slice(1), short], rule)).toBe(true);
  expect(mayGoOn(course(0.1, 0.1), [...others.slice(1), { ...short, ended: true }], rule)).toBe(false);
  expect(mayGoOn({ points: [], length: 2, ended: false }, others, { ...rule, afterEpochs: 0 })).toBe(true);
});

test("a longer training is compared with shorter ones at the same part of theirs, too", () => {
  const long = (...scores: number[]): Course => ({ ...course(...scores), length: 4 });
  // At epoch 1 the others are at .6, .7 and .8; at a quarter of their own trainings, epoch .5, they were at .5.
  expect(mayGoOn(long(0.4, 0.5), others, rule)).toBe(true);
  expect(mayGoOn(long(0.4, 0.49), others, rule)).toBe(false);
  // A shorter one is at its end, where the others' best are .9, .7 and .8, but at its epoch they were no better.
  const short = (...scores: number[]): Course => ({ ...course(...scores), length: 1 });
  const ended = others.map((other) => ({ ...other, ended: true }));
  expect(mayGoOn(short(0.6, 0.7), ended, rule)).toBe(true);
  expect(mayGoOn(short(0.6, 0.69), ended, rule)).toBe(false);
});
