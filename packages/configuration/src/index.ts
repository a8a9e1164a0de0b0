// YAML files into plain typed values: a configuration is parsed once, at the edge.
export { mergeUnder, withSetting, withSettings, type Change } from "./change.ts";
export { defaultKind } from "./default-kind.ts";
export { parseStrict } from "./parse.ts";
export { parseSettings, parseYaml, readYaml, requireKept } from "./read.ts";
