import { createPredictor, type Predictor } from "@corella/bundle";
import { describe, expect, test } from "vitest";
import { catalogue, histories, world, inputsOf } from "../world.test-helper.ts";
import { createDeployment, type Deployment } from "./deployment.ts";
import { createDeployments, type Served } from "./deployments.ts";
import { exampleRequest } from "./example.ts";

interface TestServed extends Served {
  readonly disposed: () => number;
}

/** A bundle of a CRM that says one probability, now or once it is told to. */
function served(name: string, p: number, wait: Promise<unknown> = Promise.resolve()): TestServed {
  let disposed = 0;
  const crm = {
    score: async (records: readonly unknown[]) => {
      await wait;
      if (disposed > 0) throw new Error("it was disposed");
      return Float32Array.from(records, () => p);
    },
    dispose: async () => {},
  };
  return { ...servedOf(name, createPredictor({ crm })), disposed: () => disposed, dispose };
  async function dispose(): Promise<void> {
    disposed += 1;
  }
}

function servedOf(name: string, predictor: Predictor | Promise<Predictor>): Served {
  const deployment: Deployment = createDeployment({
    predictor,
    histories,
    catalogue,
    info: { ...world({ only: "crm" }).info, bundle: { name, version: `${name}-1` } },
    inputs: inputsOf(),
    example: exampleRequest({ catalogue, featureMap: undefined, context: undefined }, histories),
    log: () => {},
  });
  return { deployment, dispose: async () => {} };
}

const sampleOf = (user: string | null): { user: string | null; item: string } => ({ user, item: "1" });
/** Users whose name begins with b are the second's. */
const split = (user: string): number => (user.startsWith("b") ? 1 : 0);

describe("several bundles", () => {
  test("each sample is answered by its user's, in the order of the request", async () => {
    const answered: [string, number][] = [];
    const deployments = createDeployments([served("a", 0.125), served("b", 0.75)], {
      split,
      onAnswers: (samples, answers, { name }) => {
        expect(answers).toHaveLength(samples.length);
        answered.push([name, samples.length]);
      },
    });
    const answers = await deployments.score(["bob", "ann", null, "bea", "amy"].map(sampleOf));
    expect(answers.map(({ probability }) => probability)).toEqual([0.75, 0.125, 0.125, 0.75, 0.125]);
    expect(answered.toSorted()).toEqual([
      ["a", 3],
      ["b", 2],
    ]);
  });

  test("an error is told at its place in the request, whoever's it is", async () => {
    const deployments = createDeployments([served("a", 0.125), served("b", 0.75)], { split });
    const samples = [sampleOf("ann"), sampleOf("bob"), { ...sampleOf("bea"), context: { divice: "tv" } }];
    await expect(deployments.score(samples, { pathOf: (index) => ["samples", index] })).rejects.toMatchObject(
      { place: "samples[2].context.divice" },
    );
  });

  test("one that is still being loaded gets no samples", async () => {
    let load: (predictor: Predictor) => void = () => {};
    const loading = new Promise<Predictor>((resolve) => {
      load = resolve;
    });
    const deployments = createDeployments([served("a", 0.125), servedOf("b", loading)], { split });
    const probabilityOf = async (user: string): Promise<number> =>
      (await deployments.score([sampleOf(user)]))[0]!.probability;
    expect(await probabilityOf("bob")).toBe(0.125);
    const crm = { score: async () => Float32Array.of(0.75), dispose: async () => {} };
    load(createPredictor({ crm }));
    await expect.poll(() => probabilityOf("bob")).toBe(0.75);
  });

  test("they are found by name and version", () => {
    const deployments = createDeployments([served("a", 0), served("b", 0)]);
    expect(deployments.find("b")?.info.bundle.name).toBe("b");
    expect(deployments.find("b", "b-1")?.info.bundle.name).toBe("b");
    expect(deployments.find("b", "a-1")).toBeUndefined();
    expect(deployments.find("c")).toBeUndefined();
    expect(deployments.of("bob").info.bundle.name).toBe("a");
  });
});

describe("a bundle is replaced", () => {
  test("at once for what begins, and disposed when nothing runs that began before", async () => {
    let go: (value?: unknown) => void = () => {};
    const old = served("a", 0.125, new Promise((resolve) => (go = resolve)));
    const deployments = createDeployments([old]);
    const leave = deployments.enter(); // a request that has not asked for anything yet
    const kept = deployments.of(null);
    const running = deployments.score([sampleOf("ann")]);
    let isReplaced = false;
    const replaced = deployments.replace(0, served("a", 0.75)).then(() => (isReplaced = true));
    expect((await deployments.score([sampleOf("ann")]))[0]!.probability).toBe(0.75);
    go();
    expect((await running)[0]!.probability).toBe(0.125);
    await new Promise(setImmediate);
    expect([isReplaced, old.disposed()]).toEqual([false, 0]);
    // What the request had found is still usable.
    expect((await kept.score([sampleOf("ann")]))[0]!.probability).toBe(0.125);
    leave();
    leave();
    await replaced;
    expect(old.disposed()).toBe(1);
  });

  test("what never ends is waited for up to a limit", async () => {
    const old = served("a", 0.125);
    const deployments = createDeployments([old], { replacedMs: 20 });
    deployments.enter();
    await deployments.replace(0, served("a", 0.75));
    expect(old.disposed()).toBe(1);
  });

  test("twice in a row: the second waits for what began before the first, too", async () => {
    const [one, two] = [served("a", 0.1), served("a", 0.2)];
    const deployments = createDeployments([one]);
    const leave = deployments.enter();
    const first = deployments.replace(0, two);
    const second = deployments.replace(0, served("a", 0.3));
    await new Promise(setImmediate);
    expect([one.disposed(), two.disposed()]).toEqual([0, 0]);
    leave();
    await Promise.all([first, second]);
    expect([one.disposed(), two.disposed()]).toEqual([1, 1]);
  });
});
