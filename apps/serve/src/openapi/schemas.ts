import { z } from "zod";

/** A JSON schema (draft 2020-12). */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** JSON schemas of zod schemas, whose named parts come together. */
export interface SchemaCollection {
  /**
   * The JSON schema of what a zod schema takes, or makes; parts with an id are references to `components`.
   * @throws Error for two schemas of one id
   */
  add(schema: z.ZodType, io: "input" | "output"): JsonSchema;
  /** The schemas with an id, by it. */
  readonly components: Readonly<Record<string, JsonSchema>>;
}

/** Collects the schemas of a document. */
export function createSchemaCollection(): SchemaCollection {
  const components: Record<string, JsonSchema> = {};
  return {
    components,
    add(schema, io) {
      const made = z.toJSONSchema(schema, { target: "draft-2020-12", io });
      const moved = JSON.parse(
        JSON.stringify(made).replaceAll('"$ref":"#/$defs/', '"$ref":"#/components/schemas/'),
      ) as Record<string, unknown> & { $defs?: Record<string, JsonSchema> };
      const { $schema: _, $defs = {}, ...rest } = moved;
      for (const [id, definition] of Object.entries($defs)) {
        const before = components[id];
        if (before !== undefined && JSON.stringify(before) !== JSON.stringify(definition))
          throw new Error(`Two schemas have the id ${id}.`);
        components[id] = definition;
      }
      return rest;
    },
  };
}
