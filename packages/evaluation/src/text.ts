const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Text for HTML content and quoted attributes. Control characters that HTML forbids become the replacement character,
 * and so does half a surrogate pair, which cannot be written as UTF-8.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/(?![\t\n\r])\p{Cc}|\p{Cs}/gu, "\uFFFD")
    .replace(/[&<>"']/g, (character) => entities[character]!);
}

/** On one line and without control characters, which could move a terminal's cursor or turn its text around. */
export function plainText(text: string): string {
  return text
    .replace(/\p{Cs}/gu, "\uFFFD")
    .replace(/[\p{Cc}\s\u200E\u200F\u202A-\u202E\u2066-\u2069]+/gu, " ")
    .trim();
}

/** A text of so many characters at most; the last of a longer one is an ellipsis. */
export function shortened(text: string, longest: number): string {
  const characters = Array.from(text);
  return characters.length <= longest ? text : `${characters.slice(0, longest - 1).join("")}…`;
}
