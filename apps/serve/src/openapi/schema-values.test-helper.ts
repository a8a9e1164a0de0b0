import fc from "fast-check";
import type { OpenApiDocument } from "./document.ts";
import type { JsonSchema } from "./schemas.ts";

/** JSON values that a schema of a document allows, now and then with a part of them replaced by anything. */
export function valuesOf(schema: JsonSchema, document: OpenApiDocument): fc.Arbitrary<unknown> {
  const of = (part: unknown): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 40, arbitrary: right(part as JsonSchema) }, { weight: 1, arbitrary: anything });
  const right = (part: JsonSchema): fc.Arbitrary<unknown> => {
    const { $ref, anyOf, enum: choices, const: constant, type } = part;
    if ($ref !== undefined)
      return of(document.components.schemas[String($ref).replace("#/components/schemas/", "")]!);
    if (anyOf !== undefined) return fc.oneof(...(anyOf as JsonSchema[]).map(of));
    if (choices !== undefined) return fc.constantFrom(...(choices as unknown[]));
    if (constant !== undefined) return fc.constant(constant);
    if (Array.isArray(type)) return fc.oneof(...(type as string[]).map((one) => of({ ...part, type: one })));
    return ofType(String(type), part);
  };
  const ofType = (type: string, part: JsonSchema): fc.Arbitrary<unknown> => {
    const limits = part as Readonly<Record<string, number | undefined>>;
    switch (type) {
      case "string":
        return fc.oneof(
          { weight: 12, arbitrary: fc.constantFrom("1", "2", "ann", "title") },
          { weight: 1, arbitrary: texts },
        );
      case "integer":
      case "number":
        return fc.oneof(
          { weight: 12, arbitrary: fc.integer({ min: 1, max: 5 }) },
          { weight: 1, arbitrary: fc.constantFrom(limits["minimum"] ?? 0, limits["maximum"] ?? 1e9) },
          { weight: 1, arbitrary: type === "integer" ? fc.maxSafeInteger() : fc.double() },
        );
      case "boolean":
        return fc.boolean();
      case "null":
        return fc.constant(null);
      case "array":
        return fc.array(of(part["items"]), { maxLength: 4 });
      default:
        return ofObject(part);
    }
  };
  const ofObject = (part: JsonSchema): fc.Arbitrary<unknown> => {
    const properties = Object.entries((part["properties"] ?? {}) as Readonly<Record<string, unknown>>);
    if (properties.length === 0) {
      const values = typeof part["additionalProperties"] === "object" ? part["additionalProperties"] : {};
      return fc.dictionary(names, of(values), { maxKeys: 3 });
    }
    const required = (part["required"] ?? []) as string[];
    return fc
      .tuple(
        fc.record(Object.fromEntries(properties.map(([name, value]) => [name, of(value)])), {
          requiredKeys: required,
        }),
        fc.oneof(
          { weight: 40, arbitrary: fc.constant(null) },
          { weight: 1, arbitrary: fc.tuple(names, anything) },
        ),
      )
      .map(([fields, more]) => (more === null ? fields : { ...fields, [more[0]]: more[1] }));
  };
  return of(schema);
}

const texts = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom("", "\u0000", "\uD800", "<|im_end|>", "</s>", "{{ user }}", "a".repeat(1025)),
);
/** Names of fields, attributes and context. */
const names = fc.oneof(
  { weight: 20, arbitrary: fc.constant("device") },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "toString", "item", "user") },
  { weight: 1, arbitrary: texts },
);
const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(-1, 1e308, -0, 1.5, 2 ** 53, "", null, [], {}),
);
