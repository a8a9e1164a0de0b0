import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPredictor, openBundle, type Bundle } from "@corella/bundle";
import { recordAt, type InteractionLog } from "@corella/modality";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saveTinyBundle } from "@corella/bundle/testing";
import { createDeployment } from "./deployment/deployment.ts";
import { describeBundle } from "./deployment/info.ts";
import { modelInputs } from "./deployment/model-inputs.ts";

let folder: string;
let log: InteractionLog;
let bundle: Bundle;
let server: Server;
const prompts: number[][] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-remote-"));
  log = await saveTinyBundle(join(folder, "bundle"));
  bundle = await openBundle(join(folder, "bundle"));
  const { answers } = await bundle.llmAsking();
  // P(yes) = 3 / 4 for every prompt.
  const top = { [`token_id:${answers.yes}`]: Math.log(0.3), [`token_id:${answers.no}`]: Math.log(0.1) };
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.on("end", () => {
      prompts.push((JSON.parse(text) as { prompt: number[] }).prompt);
      response.end(JSON.stringify({ choices: [{ logprobs: { top_logprobs: [top] } }] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

test("a bundle's LLM may be a server, which reads the tokens that the bundle's own LLM would", async () => {
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const predictor = await loadPredictor(bundle, { remoteLlm: { baseUrl, model: "tuned" } });
  const records = [205, 230, 260].map((row) => recordAt(log, row));
  const answers = await predictor.score(records, { policy: { kind: "all" } });
  await predictor.dispose();
  for (const answer of answers) expect(answer.pLlm).toBeCloseTo(0.75, 6);
  const { tokenizer } = await bundle.llmAsking();
  expect(prompts).toHaveLength(3);
  const texts = await Promise.all(prompts.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: true })));
  expect(
    texts.every((text) => text.startsWith("Below is the rating history") && text.endsWith("Answer:")),
  ).toBe(true);
});

test("an explanation tells the text that the LLM reads, token by token, and what its limit cut off", async () => {
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const predictor = await loadPredictor(bundle, { remoteLlm: { baseUrl, model: "tuned" } });
  const histories = await bundle.histories();
  const deployment = createDeployment({
    predictor,
    histories,
    catalogue: bundle.catalogue,
    info: await describeBundle(bundle, histories),
    inputs: modelInputs(bundle),
    example: { item: "item-1" },
    log: () => {},
  });
  const { tokenizer, maxTokens } = await bundle.llmAsking();
  const long = "x".repeat(2000);
  for (const sample of [
    { user: "user-0", item: "item-3" },
    { user: null, item: "item-3", itemAttributes: { title: long } },
  ]) {
    prompts.length = 0;
    const { prompt, pLlm } = await deployment.explain(sample);
    expect(pLlm).toBeCloseTo(0.75, 6);
    expect(prompts).toHaveLength(1);
    const [read] = prompts;
    expect(prompt).toMatchObject({ text: await tokenizer.decode(read!), tokens: read!.length, maxTokens });
    expect(prompt!.wholeTokens).toBeGreaterThan(maxTokens);
    expect(prompt!.events).toBeLessThanOrEqual(prompt!.wholeEvents);
    if (sample.user === null) expect(prompt).toMatchObject({ tokens: maxTokens, events: 0 });
    else expect(prompt!.events).toBeLessThan(prompt!.wholeEvents);
  }
  const { prompt } = await deployment.explain({ user: null, item: "item-3" });
  expect(prompt!.tokens).toBeLessThan(maxTokens);
  expect(prompt).toMatchObject({ wholeTokens: prompt!.tokens, events: 0, wholeEvents: 0 });
  await predictor.dispose();
});
