/** Finds rows by a part of their id or name. */
export interface TextIndex {
  /**
   * Rows whose id or name holds the query, whatever its case and accents, at most `limit` of them: the row of that very id, then
   * those whose names, ids and words begin so, then all others; in the order of the rows within each. Its cost is that of looking
   * through all texts a few times, of 10 MB some milliseconds.
   */
  search(query: string, limit: number): number[];
}

/** Makes an index of rows. It holds one text of all of them, which is looked through at the speed of memory. */
export function createTextIndex(rows: readonly { readonly id: string; readonly name?: string }[]): TextIndex {
  // In code units, of each row's first.
  const starts = new Uint32Array(rows.length);
  const texts: string[] = [];
  let length = 1;
  for (const [row, { id, name = "" }] of rows.entries()) {
    const text = `${folded(id)}\t${folded(name)}`;
    starts[row] = length;
    length += text.length + 1;
    texts.push(text);
  }
  const all = `\n${texts.join("\n")}\n`;
  return {
    search(query, limit) {
      const wanted = folded(query).trim();
      const found = new Set<number>();
      if (wanted === "") return [];
      for (const pattern of [`\n${wanted}\t`, `\t${wanted}`, `\n${wanted}`, ` ${wanted}`, wanted]) {
        let at = all.indexOf(pattern);
        while (at !== -1 && found.size < limit) {
          const row = rowAt(starts, at + (pattern.startsWith("\n") ? 1 : 0));
          found.add(row);
          // On with the next row.
          const next = starts[row + 1];
          at = next === undefined ? -1 : all.indexOf(pattern, next - 1);
        }
      }
      return [...found];
    },
  };
}

/** A text as it is compared: small letters without accents, on one line. */
function folded(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const plain = /^[\0-\x7f]*$/.test(text) ? text : text.normalize("NFD").replaceAll(/\p{M}/gu, "");
  return plain.toLowerCase().replaceAll(/[\t\n\r]/g, " ");
}

/** The last row that starts at or before a position. */
function rowAt(starts: Uint32Array, position: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}
