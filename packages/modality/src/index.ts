// From any interaction log to two modalities of one sample: ID features and a prompt, offline and online alike.
export {
  type DataConfig,
  type DataConfigInput,
  dataConfigSchema,
  parseDataConfig,
  type SplitConfig,
} from "./config.ts";
export {
  amazonBooks,
  movieLens100K,
  movieLens1M,
  movieLensCsv,
  type MovieLensCsvSet,
  movieTweetings,
} from "./presets.ts";
export { dataPreset, dataPresets, loadDataConfig, withDataPreset } from "./load-config.ts";
export { loadLog } from "./load-log.ts";
export { type PreparedLog, prepareLog } from "./prepared/prepare-log.ts";
export {
  type Attributes,
  type AttributeValue,
  createLog,
  type EntityTable,
  historyLength,
  historyOf,
  type InteractionLog,
  type LoadReport,
  type LogColumns,
  placesByUser,
  type AttributeReport,
  type Warning,
} from "./log.ts";
export { type LogSplit, splitLog } from "./split.ts";
export { decimalRating, isLiked } from "./log.ts";
export { type HistoryEvent, ratingScaleOf, type RatingRecord, recordAt, requireRatings } from "./record.ts";
export {
  type Catalogue,
  catalogueFromJson,
  catalogueFromLog,
  type CatalogueJson,
  createCatalogue,
} from "./catalogue.ts";
export {
  type FeatureConfig,
  featureConfigSchema,
  type NumericTransform,
  type Pooling,
} from "./features/config.ts";
export {
  type Feature,
  type FeatureMap,
  featureMapFromJson,
  type FeatureMapJson,
  type FittedField,
  type IdBatch,
} from "./features/feature-map.ts";
export { defaultFeatures } from "./features/default-features.ts";
export { fitFeatureMap } from "./features/fit.ts";
export {
  type AucOf,
  type FeatureAlone,
  featureGroups,
  type FeatureGroup,
  featuresAlone,
  type FeaturesAlone,
} from "./features/alone.ts";
export { type FeatureWarning, featureWarnings } from "./features/warnings.ts";
export { encodeRecords } from "./features/encode-records.ts";
export { countsItems, itemEventsAt, itemEventsOfRecords } from "./features/item-events.ts";
export { missingInputs } from "./features/record-values.ts";
export { encodeRows } from "./features/encode-rows.ts";
export { type NeedsHistory, requireHistory } from "./features/history-window.ts";
export {
  type NeedsStatistics,
  recordsAt,
  statisticsAt,
  statisticsOfEventsAt,
  statisticsOfRecord,
} from "./features/statistic.ts";
export type { StatisticConfig } from "./statistics/config.ts";
export type { OwnEvent } from "./statistics/own-events.ts";
export { saidOfEvents, type StatisticsPlan } from "./statistics/plan.ts";
export {
  emptyStatistics,
  type ObservedEvent,
  type RunningStatistics,
  statisticsAtEnd,
} from "./statistics/running-statistics.ts";
export {
  type StatisticsFiles,
  statisticsFromFiles,
  type StatisticsJson,
  statisticsToFiles,
} from "./statistics/statistics-files.ts";
export type { AffinityConfig, TextConfig } from "./vectors/config.ts";
export { vectorsNamed } from "./vectors/config.ts";
export {
  readFeatureVectors,
  readVectors,
  writeVectors,
  type WriteVectorsOptions,
} from "./vectors/vectors-file.ts";
export { nameOfVectors } from "./vectors/standard-vectors.ts";
export { oovId, paddingId } from "./features/vocabulary.ts";
export {
  attributeRich,
  type PromptConfig,
  promptSchema,
  type PromptSettings,
  promptSettingsSchema,
  templateA,
  templateLikes,
} from "./prompt/config.ts";
export { withPromptDefaults } from "./prompt/of-data.ts";
export { type ContextColumn, usualContext } from "./context.ts";
export { createPrompt, type Prompt, type PromptSegments } from "./prompt/prompt.ts";
export { planOfBoth, promptStatistics } from "./prompt/plan.ts";
export { embeddingFrom, type ItemEmbedding, type ItemVectors } from "./prompt/similar.ts";
export { batches, type BatchOptions, shuffledRows } from "./batches.ts";
export { prepareSamples, type SampleFolder, type SampleOptions } from "./samples/sample-folder.ts";
export { readBatches, type SampleBatchOptions } from "./samples/read-batches.ts";
export { streamBatches } from "./samples/stream-batches.ts";
export { type Bin, describeDistributions, type LogDistributions } from "./distributions.ts";
export { type AttributeCoverage, attributeCoverage } from "./coverage.ts";
export { checkInputs } from "./inputs.ts";
export { type LogSummary, type PartSummary, summarise } from "./summary.ts";
export { rowSegments, type RowSegment } from "./segments.ts";
