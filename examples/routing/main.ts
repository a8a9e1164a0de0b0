// Two models that exist already, whatever they are: whom to ask the dear one about, and how to mix the answers.
import { auc, logLoss } from "@corella/metrics";
import { createGenerator } from "@corella/random";
import { fitRouter, mix, route, sigmoid } from "@corella/routing";

/**
 * What your two models say of the same rows, made up here: each sees the truth through noise of its own, the dear one
 * through less. `users` says whose row it is, four rows each.
 */
function answersOf(part: string, rows: number) {
  const chance = createGenerator(1, part, 0);
  const answers = {
    pCrm: new Float32Array(rows),
    pLlm: new Float32Array(rows),
    labels: new Float32Array(rows),
    users: Uint32Array.from({ length: rows }, (_, row) => row >> 2),
  };
  for (let row = 0; row < rows; row++) {
    const truth = 1.5 * chance.normal();
    answers.labels[row] = chance.uniform() < sigmoid(truth) ? 1 : 0;
    answers.pCrm[row] = sigmoid(0.8 * truth + 0.9 * chance.normal());
    answers.pLlm[row] = sigmoid(0.9 * truth + 0.6 * chance.normal());
  }
  return answers;
}

// All that lies between the models is learned on validation rows, and judged there on users that were held out.
const validation = answersOf("validation", 4000);
const settings = { share: 0.3, mix: "addLogits" } as const;
const { policy, rule, gain } = fitRouter(validation, settings);
console.log(`policy: ${policy.kind}, gain above its noise: ${gain.mean > gain.standardError}`);

// New rows: the cheap model answers all, the dear one is asked about those that are routed, and no others.
const test = answersOf("test", 4000);
const { toLlm } = route(test.pCrm, policy);
const dear = Float32Array.from(toLlm, (row) => test.pLlm[row]!); // here you ask it
const routed = mix(test.pCrm, dear, toLlm, rule);
console.log(`asked about ${((100 * toLlm.length) / routed.length).toFixed(0)} % of the rows`);
for (const [name, p] of Object.entries({ cheap: test.pCrm, dear: test.pLlm, routed }))
  console.log(
    `${name}: AUC ${auc(p, test.labels).toFixed(3)}, logloss ${logLoss(p, test.labels).toFixed(3)}`,
  );

// A model that only guesses is not asked: its answers bring no more than chance does.
const guesses = createGenerator(1, "guesses", 0);
const pLlm = validation.pLlm.map(() => sigmoid(guesses.normal()));
console.log(`a model that guesses: policy ${fitRouter({ ...validation, pLlm }, settings).policy.kind}`);
