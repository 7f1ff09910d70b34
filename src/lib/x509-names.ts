// The names in certificates as Node writes them: subjectAltName as one text, distinguished names as one attribute a line.

/** One name of subjectAltName. */
export interface AlternativeName {
  /** Such as `DNS`, `URI`, `email`, `IP Address`. */
  readonly type: string;
  readonly value: string;
}

/**
 * The names in `X509Certificate.subjectAltName`. A value that holds what could be taken for the next name stands in quotes, as a string
 * of JSON.
 */
export function parseAlternativeNames(text: string): readonly AlternativeName[] {
  const names: AlternativeName[] = [];
  const entry = /([^:,]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/gy;
  for (let match = entry.exec(text); match; match = entry.exec(text)) {
    const [, type = '', value = ''] = match;
    names.push({ type, value: value.startsWith('"') ? String(JSON.parse(value)) : value });
  }
  return names;
}

/** The distinguished name in `X509Certificate.subject` as RFC 4514 has it, in ASCII: `CN=alice,O=Example`. */
export function formatDistinguishedName(lines: string): string {
  // RFC 4514 2.1: "starting with the last element of the sequence and moving backwards toward the first".
  const attributes = lines.split('\n').filter((line) => line !== '');
  // A plus sign within a value has a backslash in front.
  return escapeNonAscii(attributes.toReversed().join(',').replaceAll(' + ', '+'));
}

/** The common name in the same; '' when there is none. Of several it is the last, which is the most specific. */
export function commonNameIn(lines: string): string {
  const line = lines.split(/\n| \+ /).findLast((attribute) => attribute.startsWith('CN='));
  return line === undefined ? '' : withoutEscapes(line.slice(3));
}

/** RFC 4514 2.4: other characters "may be escaped" as the octets of their UTF-8. */
function escapeNonAscii(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, (characters) =>
    Buffer.from(characters).toString('hex').replace(/../g, '\\$&').toUpperCase(),
  );
}

/** Undoes the escapes of RFC 4514 2.4: a backslash with two hexadecimal digits, or with the character itself. */
function withoutEscapes(text: string): string {
  const bytes = text.replace(/(?:\\[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('\\', ''), 'hex').toString(),
  );
  return bytes.replace(/\\(.)/gs, '$1');
}
