/** FuxiCTR's goldens' names of a model's hidden states, in order. */
const patterns: Readonly<Record<string, (i: number) => string | undefined>> = {
  DCNv2: (i) => `cross.${i}`,
};

/** The golden name of each output `hidden.<i>`; undefined where the goldens hold no counterpart. */
export function hiddenStateNames(
  model: string,
  outputs: Readonly<Record<string, unknown>>,
): (string | undefined)[] {
  const count = Object.keys(outputs).filter((name) => name.startsWith("hidden.")).length;
  return Array.from({ length: count }, (_, i) => patterns[model]?.(i));
}
