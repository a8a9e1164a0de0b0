import { eagerRuntime, initialValues, type Program } from "@corella/engine";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createCrm,
  crmModels,
  type Crm,
  type CrmConfig,
  type CrmFeature,
  type CrmModelName,
} from "./index.ts";
import { attentiveFeatures, syntheticBatch } from "./synthetic.test-helper.ts";

const layers = fc.integer({ min: 1, max: 3 });
const width = fc.integer({ min: 1, max: 6 });
const someUnits = fc.array(width, { minLength: 1, maxLength: 3 });
const units = fc.array(width, { maxLength: 2 });

/** Of each model the parameters that its hidden states may depend on. */
const parameters: Readonly<Record<CrmModelName, fc.Arbitrary<object>>> = {
  DCNv2: fc.record({
    structure: fc.constantFrom("crossnet_only", "stacked", "parallel", "stacked_parallel"),
    crossLayers: layers,
    lowRank: fc.constantFrom(null, { rank: 2, experts: 2 }),
    stackedUnits: units,
    parallelUnits: units,
  }),
  DeepFM: fc.record({ hiddenUnits: units }),
  xDeepFM: fc.record({ cinUnits: someUnits, hiddenUnits: units }),
  FiBiNET: fc.record({
    bilinearType: fc.constantFrom("field_all", "field_each", "field_interaction"),
    hiddenUnits: units,
  }),
  AutoInt: fc
    .record({
      attentionLayers: layers,
      heads: fc.integer({ min: 1, max: 2 }),
      headSize: width,
      hiddenUnits: units,
    })
    .map(({ headSize, ...others }) => ({ ...others, attentionDim: others.heads * headSize })),
  FiGNN: fc.record({ graphLayers: layers, sharedLayers: fc.boolean(), gru: fc.boolean() }),
  FM: fc.constant({}),
  WideDeep: fc.record({ hiddenUnits: someUnits }),
  DIN: fc.record({ hiddenUnits: someUnits }),
  MaskNet: fc.record({
    structure: fc.constantFrom("serial", "parallel"),
    hiddenUnits: someUnits,
    blocks: layers,
    blockUnits: width,
  }),
  FinalMLP: fc.record({
    stream1: fc.record({ hiddenUnits: someUnits }),
    stream2: fc.record({ hiddenUnits: someUnits }),
  }),
  GDCN: fc.record({
    structure: fc.constantFrom("parallel", "stacked"),
    crossLayers: layers,
    hiddenUnits: units,
  }),
};

/** At least the item and what DIN pools by attention to it: enough for every model. */
const featureLists: fc.Arbitrary<CrmFeature[]> = fc
  .subarray(["user", "tags", "age"])
  .map((chosen) => ["item", "history", "ratings", ...chosen])
  .map((names) => attentiveFeatures.filter(({ name }) => names.includes(name)));

test.each(Object.keys(crmModels) as CrmModelName[])(
  "%s declares the widths that a run gives",
  async (model) => {
    const configs = parameters[model].chain((others) =>
      width.map((embeddingDim): CrmConfig => ({ model, embeddingDim, ...others })),
    );
    await fc.assert(
      fc.asyncProperty(configs, featureLists, async (config, features) => {
        const crm = createCrm(config, features);
        expect(crm.hiddenWidths.length).toBeGreaterThan(0);
        expect(crm.hiddenWidths).toEqual(await widthsOfARun(crm));
      }),
      { numRuns: 15 },
    );
  },
);

async function widthsOfARun(crm: Crm): Promise<number[]> {
  const program: Program = {
    ...crm,
    forward: (scope) => ({ outputs: Object.fromEntries(crm.forward(scope).hiddenStates.entries()) }),
  };
  const inputs = Object.entries(syntheticBatch(2, 1)).filter(([name]) => name in crm.inputs);
  const inference = await eagerRuntime("cpu").infer(program, initialValues(crm, 1));
  const outputs = await inference.run(Object.fromEntries(inputs));
  return Object.values(outputs).map(({ shape }) => {
    expect(shape).toHaveLength(2);
    return shape[1]!;
  });
}
