import {
  type Dimension,
  halfLifeSeconds,
  keyTexts,
  parseDimension,
  type StatisticConfig,
  type StatisticOf,
} from "./config.ts";

/** Mean rating and share of positives of the training part: what running means are shrunk to. */
export type StatisticMeans = Readonly<Record<StatisticOf, number>>;

/** What a tally keeps of its events, by key: a sum, a sum of deviations, or the latest. */
export type Quantity =
  | { readonly kind: "sum" | "latest"; readonly of: StatisticOf }
  /** `slot` is its place among the plan's deviations. */
  | { readonly kind: "deviation"; readonly slot: number };

/** An event's rating or label minus the running mean of its user or item, which a tally by that id knows. */
export interface Deviation {
  readonly of: StatisticOf;
  readonly tally: number;
  readonly quantity: number;
  readonly prior: number;
}

/** Accumulators of one kind of key; statistics that are read from the same ones share them. */
export interface TallyPlan {
  /** One or two positions in the plan's dimensions. */
  readonly dimensions: readonly number[];
  /** 0: events do not age. */
  readonly halfLifeSeconds: number;
  readonly quantities: readonly Quantity[];
  /** Positions in the plan's statistics. */
  readonly statistics: readonly number[];
}

/** Where a statistic is read from. */
export interface PlannedStatistic {
  readonly name: string;
  readonly value: StatisticConfig["value"];
  /** The quantity of its tally; -1 for `count` and `sinceLast`, which need none. */
  readonly quantity: number;
  readonly prior: number;
  /** The mean that `prior` events have. */
  readonly priorMean: number;
  /** Its number where nothing was before; undefined: the mean of the training rows. */
  readonly empty: number | undefined;
  /** `count` and `sinceLast` are numbers of events and seconds, not logarithms. */
  readonly plain?: true | undefined;
  /** Text says it of the events of a history too, each as of its own moment. */
  readonly ofEvents?: true | undefined;
}

/** A statistic that is to be counted. */
export interface StatisticToPlan extends StatisticConfig {
  /** As text says it: `count` and `sinceLast` as numbers of events and seconds, not as logarithms. */
  readonly plain?: true | undefined;
  /** Text says it of the events of a history too, each as of its own moment. */
  readonly ofEvents?: true | undefined;
}

/** All that is counted for the statistics of a feature map. */
export interface StatisticsPlan {
  readonly means: StatisticMeans;
  readonly dimensions: readonly Dimension[];
  readonly tallies: readonly TallyPlan[];
  readonly deviations: readonly Deviation[];
  readonly statistics: readonly PlannedStatistic[];
}

/** Names of the statistics that text says of the events of a history; empty for a plan that has none. */
export function saidOfEvents(plan: StatisticsPlan | undefined): string[] {
  return plan?.statistics.filter(({ ofEvents }) => ofEvents === true).map(({ name }) => name) ?? [];
}

const defaultPrior = 5;

/**
 * Plans what has to be counted.
 * @throws CorellaError `features/bad-key`
 */
export function planStatistics(configs: readonly StatisticToPlan[], means: StatisticMeans): StatisticsPlan {
  const dimensions: Dimension[] = [];
  const positions = new Map<string, number>();
  const tallies: {
    dimensions: number[];
    halfLifeSeconds: number;
    quantities: Quantity[];
    statistics: number[];
  }[] = [];
  const deviations: Deviation[] = [];

  const dimensionOf = (name: string, text: string): number => {
    const known = positions.get(text);
    if (known !== undefined) return known;
    positions.set(text, dimensions.length);
    return dimensions.push(parseDimension(name, text)) - 1;
  };
  const tallyOf = (name: string, texts: readonly string[], halfLife: number): number => {
    const wanted = texts.map((text) => dimensionOf(name, text));
    const known = tallies.findIndex(
      (tally) => tally.halfLifeSeconds === halfLife && tally.dimensions.join() === wanted.join(),
    );
    if (known >= 0) return known;
    return (
      tallies.push({ dimensions: wanted, halfLifeSeconds: halfLife, quantities: [], statistics: [] }) - 1
    );
  };
  const quantityOf = (tally: number, quantity: Quantity): number => {
    const { quantities } = tallies[tally]!;
    const known = quantities.findIndex((one) => JSON.stringify(one) === JSON.stringify(quantity));
    return known >= 0 ? known : quantities.push(quantity) - 1;
  };
  /** The other side of an event's user is its item; whatever says nothing of the user is compared with the user. */
  const deviationOf = (config: StatisticConfig, of: StatisticOf, prior: number, halfLife: number): number => {
    const other = keyTexts(config).some((text) => parseDimension(config.name, text).source === "user")
      ? "item"
      : "user";
    const tally = tallyOf(config.name, [other], halfLife);
    const deviation = { of, tally, quantity: quantityOf(tally, { kind: "sum", of }), prior };
    const known = deviations.findIndex((one) => JSON.stringify(one) === JSON.stringify(deviation));
    return known >= 0 ? known : deviations.push(deviation) - 1;
  };

  const statistics = configs.map((config, position): PlannedStatistic => {
    const { name, value, of = "rating", prior = defaultPrior, plain, ofEvents } = config;
    const halfLife = halfLifeSeconds(config);
    const tally = tallyOf(name, keyTexts(config), halfLife);
    tallies[tally]!.statistics.push(position);
    const isMean = value === "mean";
    const isDeviation = value === "deviation";
    const quantity: Quantity | undefined = isDeviation
      ? { kind: "deviation", slot: deviationOf(config, of, prior, halfLife) }
      : isMean || value === "last"
        ? { kind: isMean ? "sum" : "latest", of }
        : undefined;
    return {
      name,
      value,
      quantity: quantity === undefined ? -1 : quantityOf(tally, quantity),
      prior,
      priorMean: isMean ? means[of] : 0,
      empty: isMean ? means[of] : isDeviation ? 0 : undefined,
      ...(plain === undefined ? {} : { plain }),
      ...(ofEvents === undefined ? {} : { ofEvents }),
    };
  });
  return { means, dimensions, tallies, deviations, statistics };
}
