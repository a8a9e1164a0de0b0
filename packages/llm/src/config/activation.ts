import { z } from "zod";

/** The nonlinearity of a feed-forward layer. `geluTanh` is the approximation of `gelu` by a hyperbolic tangent. */
export type Activation = "silu" | "gelu" | "geluTanh" | "relu";

/** Hugging Face's names; those of one kind are the same function, computed differently. */
const kinds: Readonly<Record<string, Activation>> = {
  silu: "silu",
  swish: "silu",
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "geluTanh",
  gelu_fast: "geluTanh",
  gelu_accurate: "geluTanh",
  gelu_pytorch_tanh: "geluTanh",
  gelu_python_tanh: "geluTanh",
  relu: "relu",
};

/** The schema of `hidden_act` in config.json: Hugging Face's name of an activation, into ours. */
export const activation: z.ZodType<Activation, unknown> = z.string().transform((name, context) => {
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind !== undefined) return kind;
  context.addIssue({
    code: "custom",
    message: `the activation ${JSON.stringify(name)} is not supported; ${Object.keys(kinds).join(", ")} are`,
  });
  return z.NEVER;
});

/** Hugging Face's name of an activation, for config.json. */
export function activationName(kind: Activation): string {
  return kind === "geluTanh" ? "gelu_pytorch_tanh" : kind;
}
