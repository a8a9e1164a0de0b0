import { basename, dirname, resolve } from "node:path";
import { formatError } from "@corella/errors";
import { createRuntime } from "@corella/engine";
import { catalogueFromLog, createPrompt, loadDataConfig, loadLog, writeVectors } from "@corella/modality";
import { Command, InvalidArgumentError } from "commander";
import { hiddenMeans } from "./hidden-means.ts";
import { principalComponents } from "./principal-components.ts";

interface Options {
  readonly model: string;
  readonly licence: string;
  readonly block: number;
  readonly components: number;
  readonly template: string;
  readonly threads: number;
  readonly out: string;
}

const defaultTemplate =
  'The film "{{title}}"{% if year %} of {{year}}{% endif %}{% if genres %}, {{genres | join(", ")}}{% endif %}';

const command = new Command("vectors")
  .description(
    "Makes vectors of a data set's items with a language model, for features of type text and affinity.",
  )
  .argument("<config>", "YAML file whose `data` names the items")
  .requiredOption("--model <source>", "a model folder, a .gguf file or hf:owner/name")
  .requiredOption("--licence <name>", "of the model, kept in the file")
  .option("--block <number>", "whose hidden states are taken", whole, 20)
  .option("--components <number>", "principal components that are kept", whole, 16)
  .option("--template <jinja>", "the text of an item", defaultTemplate)
  .option("--threads <number>", "of the session", whole, 2)
  .requiredOption("--out <file>", "the safetensors file")
  .showHelpAfterError()
  .action(run);

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("It is no whole number above 0.");
}

async function run(config: string, options: Options): Promise<void> {
  const { block, components, template, model } = options;
  const data = await loadDataConfig(config);
  const catalogue = catalogueFromLog(await loadLog(data, { baseFolder: dirname(resolve(config)) }));
  const items = catalogue.ids;
  const prompt = createPrompt({ template: "{{target_item}}", target: template });
  const texts = items.map((item) => prompt.render({ user: null, item, history: [] }, catalogue));
  const runtime = await createRuntime({ threads: options.threads });
  const startedMs = performance.now();
  let told = 0;
  const { values, width } = await hiddenMeans(model, texts, {
    block,
    runtime,
    done(count) {
      if (count < texts.length && count - told < texts.length / 20) return;
      told = count;
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
      process.stderr.write(`${count} of ${texts.length} texts, ${seconds} s\n`);
    },
  });
  const { scores, variances, kept } = principalComponents(values, width, Math.min(components, width));
  const count = variances.length;
  // Each component with a variance of 1: else cosines are about the first few, which tell genre and year alone.
  const scaled = scores.map((score, i) => score / (Math.sqrt(variances[i % count]!) || 1));
  await writeVectors(
    options.out,
    { items, values: scaled },
    {
      dtype: "F16",
      metadata: {
        model: basename(model),
        licence: options.licence,
        layer: `after block ${block}, mean over tokens of states with a root mean square of 1`,
        template,
        components: `${count} of ${width}, with ${(100 * kept).toFixed(1)} % of the variance, each scaled to a variance of 1`,
      },
    },
  );
  process.stdout.write(
    `${items.length} items, ${count} components with ${(100 * kept).toFixed(1)} % of the variance: ${options.out}\n`,
  );
}

try {
  await command.parseAsync();
} catch (error) {
  process.stderr.write(`${formatError(error)}\n`);
  process.exitCode = 1;
}
