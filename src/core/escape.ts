// Makes text from strangers safe for a log line and a terminal.

/**
 * Control characters as `\xNN`: a worker may echo what a client sent, and raw it could forge log
 * lines or drive the operator's terminal (HAProxy commit f495d48).
 */
export function escapeControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/g, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, '0')}`;
  });
}

/**
 * A line of JSON with what JSON allows raw but a terminal obeys (DEL, C1 controls) escaped; it
 * parses to the same value.
 */
export function escapeJson(json: string): string {
  return json.replace(/[\x7f-\x9f\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
