/** FuxiCTR's goldens' names of a model's hidden states, in order. */
const patterns: Readonly<Record<string, (i: number) => string | undefined>> = {
  DCNv2: (i) => `cross.${i}`,
  // The products before they are summed have no counterpart.
  DeepFM: (i) => (i === 0 ? undefined : `mlp.${i - 1}`),
  xDeepFM: (i) => `cin_pool.${i}`,
  FiBiNET: (i) => ["bilinear_p", "bilinear_q"][i],
  AutoInt: (i) => `attn.${i}`,
  FiGNN: (i) => `gnn.${i}`,
  WideDeep: (i) => `mlp.${i}`,
  DIN: (i) => `mlp.${i}`,
  MaskNet: (i) => `block.${i}`,
  FinalMLP: (i) => `stream.${i}`,
  GDCN: (i) => `cross.${i}`,
  GDCNP: (i) => `cross.${i}`,
};

/** What the goldens call the hidden state number `i`, from 0; undefined where they hold no counterpart. */
export function hiddenStateName(model: string, i: number): string | undefined {
  return patterns[model]?.(i);
}
