// What may stand in configuration where a field goes: the same rules as on the wire (RFC 9110 5.1, 5.5).

/** A token. */
export function isFieldName(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

/** No control characters, so that a value cannot end its line. */
export function isFieldValue(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are what is looked for
  return !/[\x00-\x08\x0a-\x1f\x7f]/.test(text);
}
