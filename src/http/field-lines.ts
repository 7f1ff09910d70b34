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
