// YAML files into plain typed values: a configuration is parsed once, at the edge.
export { mergeUnder, withSetting } from "./change.ts";
export { parseStrict } from "./parse.ts";
export { parseYaml, readYaml } from "./read.ts";
