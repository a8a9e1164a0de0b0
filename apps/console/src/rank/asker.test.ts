import { expect, test } from "vitest";
import {
  askerOf,
  draftOf,
  invented,
  isEdited,
  swapped,
  withEvent,
  withoutEvent,
  withRating,
} from "./asker.ts";

const known = {
  user: "ann",
  history: [
    { item: "a", title: "A", rating: 4, time: 100 },
    { item: "b", rating: 2, time: 200 },
  ],
  earlier: 7,
};

test("a known user is asked about by name until the history is edited, then with the whole of it", () => {
  const draft = draftOf(known);
  expect(isEdited(draft)).toBe(false);
  expect(askerOf(draft)).toEqual({ user: "ann" });
  const edited = withRating(draft, 1, 5);
  expect(isEdited(edited)).toBe(true);
  expect(askerOf(edited)).toEqual({
    user: "ann",
    history: [
      { item: "a", rating: 4, time: 100 },
      { item: "b", rating: 5, time: 200 },
    ],
  });
});

test("somebody invented has no name, and the history that was told", () => {
  expect(isEdited(invented)).toBe(false);
  expect(askerOf(invented)).toEqual({ history: [] });
  const draft = withEvent(invented, { item: "x", title: "X", rating: 3 }, 1000.7);
  expect(askerOf(draft)).toEqual({ history: [{ item: "x", rating: 3, time: 1000 }] });
});

test("what is added comes last, by its time too, and without one where others have none", () => {
  expect(withEvent(draftOf(known), { item: "c", rating: 1 }, 50).history.at(-1)).toEqual({
    item: "c",
    rating: 1,
    time: 201,
  });
  const untimed = { history: [{ item: "a", rating: 1 }] };
  expect(withEvent(untimed, { item: "c", rating: 1 }, 50).history.at(-1)).toEqual({ item: "c", rating: 1 });
});

test("events trade places and their times stay in order", () => {
  expect(swapped(draftOf(known), 0).history).toEqual([
    { item: "b", rating: 2, time: 100 },
    { item: "a", title: "A", rating: 4, time: 200 },
  ]);
  expect(swapped(draftOf(known), 1)).toEqual(draftOf(known));
  expect(withoutEvent(draftOf(known), 0).history).toEqual([known.history[1]]);
});
