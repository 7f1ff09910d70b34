// The requests of the benchmarks: varied targets and the fields of real browsers, about 600 bytes each.
import { writeFileSync } from 'node:fs';

export const ROUTES = 200;
/** Different requests that the load generator sends in turn. */
const REQUESTS = 400;

const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
];
const LANGUAGES = ['en-US,en;q=0.5', 'de-DE,de;q=0.9,en;q=0.6', 'fr-FR,fr;q=0.8,en-US;q=0.5,en;q=0.3'];

export function hostOf(route: number): string {
  return `h${route}.example.com`;
}

/** First segment of the path of a route, as `/p7/`. */
export function prefixOf(route: number): string {
  return `/p${route % 50}/`;
}

/** Request heads for a resource (`item`, `10k`, `1m`) under the routes of the table. */
export function requestHeads(resource: string, routes = ROUTES): readonly string[] {
  return Array.from({ length: REQUESTS }, (_, index) => {
    // A step without a common divisor visits the whole table in no particular order.
    const route = (index * 7919) % routes;
    return [
      `GET ${prefixOf(route)}${resource}?id=${index * 31}&view=full HTTP/1.1`,
      `Host: ${hostOf(route)}`,
      `User-Agent: ${AGENTS[index % AGENTS.length]}`,
      'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
      `Accept-Language: ${LANGUAGES[index % LANGUAGES.length]}`,
      'Accept-Encoding: gzip, deflate, br, zstd',
      `Referer: https://${hostOf(route)}/page/${index}`,
      `Cookie: session=${(index * 2654435761).toString(36)}; theme=dark; consent=1`,
      'Sec-Fetch-Dest: document',
      'Sec-Fetch-Mode: navigate',
      'Sec-Fetch-Site: same-origin',
      'Priority: u=0, i',
      '\r\n',
    ].join('\r\n');
  });
}

/**
 * The same for HTTP/2: 400 URIs of one host, as a connection of a browser has them, and fields that are the same for all of them.
 */
export function http2Requests(resource: string, scheme: 'http' | 'https') {
  const uris = Array.from(
    { length: REQUESTS },
    (_, index) => `${scheme}://${hostOf(0)}${prefixOf(0)}${resource}?id=${index * 31}&view=full`,
  );
  const [, , ...lines] = (requestHeads(resource)[0] ?? '').trimEnd().split('\r\n');
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
  });
  return { uris, fields };
}

/** Writes a script that has wrk send these requests in turn, and print what it counted as JSON. */
export function writeWrkScript(file: string, heads: readonly string[]): void {
  writeFileSync(
    file,
    `local requests = {\n${heads.map((head) => `  ${JSON.stringify(head)},`).join('\n')}\n}
local next = 0
request = function()
  next = next % #requests + 1
  return requests[next]
end
done = function(summary)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"durationUs":%d,"failed":%d}\\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`,
  );
}
