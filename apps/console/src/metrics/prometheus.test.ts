import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePrometheus } from "./prometheus.ts";

test("samples with and without labels, numbers of every kind, timestamps; comments and what is none are left out", () => {
  const text = `# HELP corella_requests_total Requests.
# TYPE corella_requests_total counter
corella_requests_total{endpoint="/v1/score",method="POST",status="200"} 12
up 1 1700000000000
a_bucket{le="+Inf",} 3e2
b NaN
c -Inf
odd {
broken{a="b} 1
broken{a=b} 1
broken 1x
`;
  expect(parsePrometheus(text)).toEqual([
    {
      name: "corella_requests_total",
      labels: { endpoint: "/v1/score", method: "POST", status: "200" },
      value: 12,
    },
    { name: "up", labels: {}, value: 1 },
    { name: "a_bucket", labels: { le: "+Inf" }, value: 300 },
    { name: "b", labels: {}, value: Number.NaN },
    { name: "c", labels: {}, value: -Infinity },
  ]);
  expect(parsePrometheus("")).toEqual([]);
});

test("any text comes back from a label, braces, commas and quotes included", () => {
  const escape = (text: string): string =>
    text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
  const value = fc.string({ unit: fc.constantFrom("a", '"', "\\", "\n", "{", "}", ",", "=", " ", "é") });
  fc.assert(
    fc.property(value, value, fc.double({ noNaN: true }), (first, second, number) => {
      const text = `m{a="${escape(first)}",b="${escape(second)}"} ${String(number).replace("Infinity", "Inf")}`;
      expect(parsePrometheus(text)).toEqual([
        { name: "m", labels: { a: first, b: second }, value: number === 0 ? Number(String(number)) : number },
      ]);
    }),
  );
});
