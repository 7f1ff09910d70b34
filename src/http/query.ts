// Reads parameters of a query by name (WHATWG URL 5, application/x-www-form-urlencoded). Never throws.

/** The first value of the parameter, decoded; `undefined` when it does not occur. `query` starts with `?` or is ''. */
export function queryParameter(query: string, name: string): string | undefined {
  if (query.length < 2) return undefined;
  for (const pair of query.slice(1).split('&')) {
    const equals = pair.indexOf('=');
    const key = equals < 0 ? pair : pair.slice(0, equals);
    if (key === name || decode(key) === name) return equals < 0 ? '' : decode(pair.slice(equals + 1));
  }
  return undefined;
}

/** A broken percent-encoding stands for itself. */
function decode(text: string): string {
  if (!/[%+]/.test(text)) return text;
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
