/** Names of control tokens without bars, as published vocabularies have them. */
const named = new Set([
  ..."<s> </s> <bos> <eos> <pad> <unk> <mask> <EOT> <start_of_turn> <end_of_turn>".split(" "),
  ..."[INST] [/INST] [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_CALLS]".split(
    " ",
  ),
]);

/**
 * Whether a token is written like those that mean turns and ends (`<|im_end|>`, `<\uFF5CUser\uFF5C>`), whatever kind its vocabulary
 * says it is of: some published ones call them ordinary.
 */
export function looksLikeControl(content: string): boolean {
  return /^<([|\uFF5C])[\p{L}\p{N}_\u2581 .:/-]+\1>$/u.test(content) || named.has(content);
}
