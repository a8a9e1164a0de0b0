import fc from "fast-check";
import { type Attributes, createLog, type InteractionLog } from "./log.ts";

const genres = ["Comedy", "Drama", "War", "Noir"];

const itemAttributes: fc.Arbitrary<Attributes> = fc
  .record(
    {
      title: fc.string({ maxLength: 8 }),
      year: fc.integer({ min: 1990, max: 1999 }),
      genres: fc.subarray(genres, { minLength: 1 }),
    },
    { requiredKeys: [] },
  )
  .map((attributes) => attributes as Attributes);

/** Small logs with many ties in time, repeated pairs, missing attributes and both rules for ties; for tests. */
export function randomLog(): fc.Arbitrary<InteractionLog> {
  const row = fc.record({
    user: fc.integer({ min: 0, max: 3 }),
    item: fc.integer({ min: 0, max: 5 }),
    rating: fc.integer({ min: 0, max: 50 }).map((tenths) => tenths / 10),
    time: fc.integer({ min: 0, max: 12 }).map((step) => step * 7200),
    device: fc.integer({ min: 0, max: 2 }),
    price: fc.integer({ min: 0, max: 3 }),
    tags: fc.integer({ min: 0, max: 2 }),
  });
  return fc
    .record({
      rows: fc.array(row, { minLength: 1, maxLength: 40 }),
      ties: fc.constantFrom("exclude" as const, "order" as const),
      maxLength: fc.integer({ min: 1, max: 9 }),
      items: fc.array(itemAttributes, { minLength: 6, maxLength: 6 }),
    })
    .map(({ rows, ties, maxLength, items }) =>
      createLog({
        user: Int32Array.from(rows, ({ user }) => user),
        item: Int32Array.from(rows, ({ item }) => item),
        rating: Float32Array.from(rows, ({ rating }) => rating),
        time: Float64Array.from(rows, ({ time }) => time),
        label: Uint8Array.from(rows, ({ rating }) => (rating >= 3.7 ? 1 : 0)),
        users: {
          ids: ["u0", "u1", "u2", "u3"],
          activeCount: 4,
          attributes: [{ gender: "F", age: 25 }, { gender: "M" }, {}, { gender: "F", age: 61 }],
        },
        items: {
          ids: ["i0", "i1", "i2", "i3", "i4", "i5"],
          activeCount: 6,
          // The first has every attribute, so that every feature can be fitted.
          attributes: items.map((attributes, code) =>
            code === 0 ? { title: "First", year: 1995, genres } : attributes,
          ),
        },
        // The code 0 is that of rows without a value.
        context: [
          {
            name: "device",
            codes: Int32Array.from(rows, ({ device }) => device),
            values: [undefined, "phone", "tv"],
          },
          {
            name: "price",
            codes: Int32Array.from(rows, ({ price }) => price),
            values: [undefined, -2, 1.5, 20],
          },
          {
            name: "tags",
            codes: Int32Array.from(rows, ({ tags }) => tags),
            values: [undefined, ["a"], ["a", "b"]],
          },
        ],
        history: { maxLength, ties },
        likedThreshold: 3.7,
      }),
    );
}
