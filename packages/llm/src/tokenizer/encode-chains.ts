import type { EncodedWithEnds, TextTokenizer } from "./tokenizer.ts";

/**
 * Tokenises texts of which many go on from one another, such as the prompts of successive events: each run of those is
 * tokenised once, at its longest, and the shorter ones are views of it. The ids are those of `encodeBatch`: where a text's
 * end is a token's, no merge of byte pairs crosses it (Sennrich et al. 2016), so what stands before is tokenised as if it
 * stood alone. Other texts are tokenised by themselves.
 * @param texts each one that another begins with comes before it, with only such texts between them
 */
export async function encodeChains(
  tokenizer: TextTokenizer,
  texts: readonly string[],
): Promise<ArrayLike<number>[]> {
  const encodeWithEnds = tokenizer.encodeWithEnds?.bind(tokenizer);
  if (encodeWithEnds === undefined) return tokenizer.encodeBatch(texts);
  const hostOf = hostsOf(texts);
  const hosts = texts.map((_, place) => place).filter((place) => hostOf[place] === place);
  const encoded = new Map<number, EncodedWithEnds & { readonly view: Int32Array }>();
  const tokens = await encodeWithEnds(hosts.map((place) => texts[place]!));
  tokens.forEach((each, i) => encoded.set(hosts[i]!, { ...each, view: Int32Array.from(each.ids) }));

  const found = texts.map((text, place): Int32Array | undefined => {
    const { view, ends } = encoded.get(hostOf[place]!)!;
    if (hostOf[place] === place) return view;
    const count = tokensUpTo(ends, charactersOf(text));
    return count === undefined ? undefined : view.subarray(0, count);
  });
  // What a tokenizer adds after every text, or does at its end alone, shows at the first one as at all others.
  const sample = found.findIndex((ids, place) => ids !== undefined && hostOf[place] !== place);
  if (sample >= 0) {
    const [alone] = await tokenizer.encodeBatch([texts[sample]!]);
    const same = alone!.length === found[sample]!.length && alone!.every((id, i) => id === found[sample]![i]);
    if (!same) return tokenizer.encodeBatch(texts);
  }
  const missing = texts.map((_, place) => place).filter((place) => found[place] === undefined);
  const separate = await tokenizer.encodeBatch(missing.map((place) => texts[place]!));
  const byPlace = new Map(missing.map((place, i) => [place, separate[i]!]));
  return found.map((ids, place) => ids ?? byPlace.get(place)!);
}

/** Of each text, the place of the last one that begins with it. */
function hostsOf(texts: readonly string[]): Int32Array {
  const hosts = new Int32Array(texts.length);
  for (let place = texts.length - 1; place >= 0; place--) {
    const goesOn = place + 1 < texts.length && texts[place + 1]!.startsWith(texts[place]!);
    hosts[place] = goesOn ? hosts[place + 1]! : place;
  }
  return hosts;
}

/** How many tokens stand before a character; undefined where one crosses it. @param ends of the tokens, ascending but for 0 */
function tokensUpTo(ends: readonly number[], character: number): number | undefined {
  let count = 0;
  let last = 0;
  while (count < ends.length && ends[count]! <= character) last = Math.max(last, ends[count++]!);
  return last === character ? count : undefined;
}

/** Code points, not UTF-16 units. */
function charactersOf(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // The second half of a pair.
    if (unit < 0xdc00 || unit > 0xdfff) count += 1;
  }
  return count;
}
