// Patterns of host names, of which many are asked about one name: exact ones, and `*.example.com` for names below.

/** Whether one of the patterns is for a host in lower case; `*.` stands for one label or more. Without any, all hosts fit. */
export function compileHostPatterns(patterns: readonly string[]): (host: string) => boolean {
  if (patterns.length === 0) return () => true;
  const known = new Set(patterns);
  return (host) => {
    if (known.has(host)) return true;
    for (let dot = host.indexOf('.'); dot > 0; dot = host.indexOf('.', dot + 1))
      if (known.has(`*${host.slice(dot)}`)) return true;
    return false;
  };
}

/** Whether one of a certificate's names is for a host in lower case; `*.` stands for one label (RFC 9525 6.3). */
export function compileCertificateNames(names: readonly string[]): (host: string) => boolean {
  const known = new Set(names);
  /** Requests of a connection are mostly for one host, and comparing costs less than looking up a text that was just cut out. */
  let covered = '';
  return (host) => {
    if (host === covered && host !== '') return true;
    const dot = host.indexOf('.');
    if (!known.has(host) && (dot <= 0 || !known.has(`*${host.slice(dot)}`))) return false;
    covered = host;
    return true;
  };
}
