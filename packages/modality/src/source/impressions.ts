import type { RatingsConfig } from "./config.ts";
import { identifier, literal } from "./database.ts";

const shown = identifier("?shown");

/**
 * Unrolls rows that show several items: SQL of a relation with the columns `item` and `label`, in which each item of the
 * list is a row with its label. A row without an item stays one, whose item is empty: it is bad, not lost.
 * @param sql of the relation with the list in `item`
 */
export function unrolled(sql: string, impressions: NonNullable<RatingsConfig["impressions"]>): string {
  const { separator, labels, joint } = impressions;
  const items = listOf("item", separator);
  const rows = (list: string): string =>
    `SELECT *, unnest(CASE WHEN len(${list}) = 0 THEN [NULL] ELSE ${list} END) AS ${shown} FROM (${sql})`;
  if (labels === "attached") {
    const pattern = `'^(.*)${escaped(joint)}(.*?)$'`;
    const part = (group: number): string => `regexp_extract(${shown}, ${pattern}, ${group}, 's')`;
    // Without a label the whole is the item, and the label is missing.
    const item = `CASE WHEN regexp_matches(${shown}, ${pattern}, 's') THEN ${part(1)} ELSE ${shown} END`;
    return `SELECT * EXCLUDE (item, label, ${shown}), ${item} AS item, nullif(${part(2)}, '') AS label FROM (${rows(items)})`;
  }
  if (labels === "parallel") {
    const pairs = `list_zip(${items}, ${listOf("label", separator)})`;
    return `SELECT * EXCLUDE (item, label, ${shown}), ${shown}[1] AS item, ${shown}[2] AS label FROM (${rows(pairs)})`;
  }
  const clicked = listOf("label", separator);
  const all = `list_concat(${items}, list_filter(${clicked}, lambda id : NOT list_contains(${items}, id)))`;
  return `SELECT * EXCLUDE (item, label, ${shown}), ${shown} AS item, CASE WHEN list_contains(${clicked}, ${shown}) THEN '1' ELSE '0' END AS label FROM (${rows(all)})`;
}

/** The texts of a cell that is a list as JSON, Parquet, Python or NumPy write it, quoted or not, or is parted by a separator. */
function listOf(cell: string, separator: string): string {
  const isJson = `ltrim(${cell})[1] = '[' AND json_valid(${cell})`;
  const parted = `list_filter(list_transform(string_split(coalesce(${cell}, ''), ${literal(separator)}), lambda element : trim(element)), lambda element : element <> '')`;
  const isPython = `regexp_full_match(trim(${cell}), '[\\[(]\\s*[''"].*[''"],?\\s*[\\])]', 's')`;
  const ofPython = `regexp_extract_all(${cell}, '''([^'']*)''|"([^"]*)"', 0)`;
  const unquoted = `list_transform(${ofPython}, lambda element : trim(element[2:-2]))`;
  const isBracketed = `regexp_full_match(trim(${cell}), '\\[[^\\[\\]''"]*\\]|\\([^()''"]*,[^()''"]*\\)', 's')`;
  const ofBrackets = `list_filter(string_split_regex(trim(${cell})[2:-2], '[,\\s]+'), lambda element : element <> '')`;
  return `CASE WHEN ${isJson} THEN from_json(${cell}, '["VARCHAR"]') WHEN ${isPython} THEN ${unquoted}
    WHEN ${isBracketed} THEN ${ofBrackets} ELSE ${parted} END`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&").replaceAll("'", "''");
}
