// Patterns of host names, of which many are asked about one name: exact ones, and `*.example.com` for names below.
import { StringIndex } from '#lib/string-index.ts';

/** Whether one of the patterns is for a host in lower case; `*.` stands for one label or more. Without any, all hosts fit. */
export function compileHostPatterns(patterns: readonly string[]): (host: string) => boolean {
  if (patterns.length === 0) return () => true;
  const { exact, wildcard } = indexOf(patterns);
  return (host) => {
    if (exact.get(host)) return true;
    for (let dot = host.indexOf('.'); dot > 0; dot = host.indexOf('.', dot + 1))
      if (wildcard.get(host.slice(dot))) return true;
    return false;
  };
}

/** Whether one of a certificate's names is for a host in lower case; `*.` stands for one label (RFC 9525 6.3). */
export function compileCertificateNames(names: readonly string[]): (host: string) => boolean {
  const { exact, wildcard } = indexOf(names);
  return (host) => {
    if (exact.get(host)) return true;
    const dot = host.indexOf('.');
    return dot > 0 && wildcard.get(host.slice(dot)) === true;
  };
}

/** The exact names, and what follows `*` of the others. */
function indexOf(patterns: readonly string[]) {
  const exact = new StringIndex<true>();
  const wildcard = new StringIndex<true>();
  for (const pattern of new Set(patterns)) {
    if (pattern.startsWith('*')) wildcard.add(pattern.slice(1), true);
    else exact.add(pattern, true);
  }
  return { exact, wildcard };
}
