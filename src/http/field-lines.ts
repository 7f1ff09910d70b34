// Edits field sections as text, where going through single fields would be the longer way.

/** `text` without the lines whose field name, in lower case, `drop` says yes to. */
export function withoutLines(text: string, drop: (name: string) => boolean): string {
  let kept = '';
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n', at) + 2;
    if (!drop(text.slice(at, text.indexOf(':', at)).toLowerCase())) kept += text.slice(at, end);
    at = end;
  }
  return kept;
}

/** Fields that only a gateway writes: no twin of theirs with underscores may pass. */
const WRITTEN_HERE = /^(?:x-forwarded-.*|client-cert.*|content-length|transfer-encoding|keep-alive|proxy-connection)$/;

/**
 * `text` without the fields whose name has underscores where another, or one that the gateway writes, has hyphens: to
 * applications that read fields as variables (RFC 3875 4.1.18) both are the same.
 */
export function withoutShadowing(text: string): string {
  if (!text.includes('_')) return text;
  const names = new Set(text.split('\r\n').map((line) => line.slice(0, line.indexOf(':')).toLowerCase()));
  return withoutLines(text, (name) => {
    if (!name.includes('_')) return false;
    const twin = name.replaceAll('_', '-');
    return names.has(twin) || WRITTEN_HERE.test(twin);
  });
}

/** `text` without the field `name` and whatever an application could take for it. */
export function withoutFieldAndTwins(text: string, name: string): string {
  return withoutLines(text, (other) => other.replaceAll('_', '-') === name.replaceAll('_', '-'));
}
