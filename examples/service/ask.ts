// Asks the running service: which of four films for somebody who liked two and disliked one.
const service = process.env["SERVICE"] ?? "http://127.0.0.1:3000";
const post = (body: unknown): Promise<Response> =>
  fetch(`${service}/rank`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

const history = [
  { item: "f0", rating: 5 },
  { item: "f4", rating: 5 },
  { item: "f1", rating: 2 },
];
const answer = await post({ items: ["f11", "f8", "f10", "f9"], history });
const { ranked } = (await answer.json()) as {
  ranked: { item: string; probability: number; route: string }[];
};
console.log(`${answer.status}: ${ranked.map(({ item }) => item).join(", ")}, by the ${ranked[0]!.route}`);
const mistaken = await post({ items: [] });
console.log(`${mistaken.status}: ${((await mistaken.json()) as { error: string }).error.split("\n")[0]}`);
