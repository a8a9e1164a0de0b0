/** A group of pages, as the sidebar shows it. */
export interface Group {
  readonly text: string;
  /** Files or folders of the repository; without a text they are called by their heading. */
  readonly pages: readonly { readonly text?: string; readonly file: string }[];
  /** A folder of the repository whose other pages come behind these. */
  readonly andAllOf?: string;
}

const packages = [
  "engine",
  "crm",
  "llm",
  "modality",
  "alignment",
  "routing",
  "bundle",
  "store",
  "batch",
  "jobs",
  "serving",
  "metrics",
  "evaluation",
  "safetensors",
  "errors",
  "files",
  "random",
  "configuration",
  "terminal",
] as const;

/** The pages in the order of the sidebar. A page of docs/ that is not named is there too, behind the guides or results. */
export const siteMap: readonly Group[] = [
  {
    text: "Begin",
    pages: [
      { text: "Ten minutes", file: "docs/tutorials/ten-minutes.md" },
      { text: "Your own log", file: "docs/tutorials/your-own-log.md" },
      { text: "Seven shapes of data", file: "docs/bring-your-data.md" },
      { text: "Beside other projects", file: "docs/comparison.md" },
    ],
  },
  {
    text: "Guides",
    pages: [
      { text: "Routing budgets", file: "docs/routing-budgets.md" },
      { text: "Where the LLM helps", file: "docs/where-the-llm-helps.md" },
      { text: "Running statistics", file: "docs/running-statistics.md" },
      { text: "CTRL", file: "docs/ctrl.md" },
      { text: "Deployment", file: "docs/deployment.md" },
      { text: "Security", file: "docs/security.md" },
    ],
    andAllOf: "docs",
  },
  {
    text: "Add something",
    pages: [
      { text: "A model", file: "docs/add-a-model.md" },
      { text: "A recipe", file: "docs/add-a-recipe.md" },
      { text: "An operation", file: "docs/add-an-operation.md" },
      { text: "A data source", file: "docs/add-a-data-source.md" },
      { text: "An architecture", file: "docs/add-an-architecture.md" },
      { text: "These pages", file: "apps/docs/README.md" },
      { text: "Contributing", file: "CONTRIBUTING.md" },
    ],
  },
  {
    text: "Reference",
    pages: [
      { text: "Configuration", file: "docs/configuration.md" },
      { text: "Errors", file: "docs/errors.md" },
      { text: "Endpoints", file: "apps/serve/README.md" },
      { text: "Protocols of others", file: "docs/serving-protocols.md" },
      { text: "Console", file: "apps/console/README.md" },
      { text: "Tables of the paper", file: "apps/evaluate/README.md" },
    ],
  },
  {
    text: "How it works",
    pages: [
      { text: "The method in the code", file: "docs/method.md" },
      { text: "Architecture", file: "docs/architecture.md" },
      { text: "Layout of the engine", file: "docs/layout-engine.md" },
      { text: "Layout of the LLM", file: "docs/layout-llm.md" },
      { text: "Decisions", file: "docs/decisions" },
    ],
  },
  {
    text: "Results",
    pages: [
      { text: "The method on ML-1M", file: "docs/results/corella.md" },
      { text: "The first run", file: "docs/results/main-job.md" },
      { text: "CRMs", file: "docs/results/crm.md" },
      { text: "Language models", file: "docs/results/llm.md" },
      { text: "Data", file: "docs/results/data.md" },
      { text: "Engine", file: "docs/results/engine.md" },
      { text: "Serving", file: "docs/results/serve.md" },
      { text: "Parity", file: "docs/results/parity.md" },
      { text: "Precision", file: "docs/results/precision.md" },
      { text: "Optimizers", file: "docs/results/optimizers.md" },
      { text: "Operations", file: "docs/results/op-tests.md" },
      { text: "Inputs that went wrong", file: "docs/results/cases.md" },
      { text: "Versions of Node", file: "docs/results/node-versions.md" },
      { text: "The house", file: "docs/results/house.md" },
    ],
    andAllOf: "docs/results",
  },
  {
    text: "Packages",
    pages: packages.map((name) => ({ text: name, file: `packages/${name}/README.md` })),
  },
];
