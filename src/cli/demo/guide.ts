// What the demo says on the terminal: what runs, and what to try next.
import type { Origin } from './origins.ts';

export interface GuideFacts {
  /** How this program is called, such as `tidegate`. */
  readonly command: string;
  readonly port: number;
  readonly adminPort: number;
  readonly token: string;
  readonly file: string;
  readonly accessLog: string;
  readonly origins: readonly Origin[];
  readonly traffic: boolean;
}

export function formatGuide(facts: GuideFacts): string {
  const web = `http://127.0.0.1:${facts.port}`;
  const admin = `http://127.0.0.1:${facts.adminPort}`;
  const origins = facts.origins.map(
    ({ name, port, delayMs }) => `  127.0.0.1:${port}  ${name}, ${delayMs} ms an answer`,
  );
  const victim = facts.origins.at(-1);
  const credentials = `--admin ${admin} --token ${facts.token}`;
  return `
Tidegate runs, before ${facts.origins.length} origins:
${origins.join('\n')}

  Page       ${web}/
  Status     ${admin}/
${facts.traffic ? '\nThe demo itself sends 20 requests a second, so that the status page moves.\n' : ''}
Try next, in another terminal:

  See who answers
    curl ${web}/api/whoami

  Break the origin "${victim?.name}", see it leave the status page's healthy ones, and mend it again
    curl -X POST http://127.0.0.1:${victim?.port}/break
    curl -X POST http://127.0.0.1:${victim?.port}/mend

  Meet the policies: a rate limit, a password, a redirect, an answer of the gateway itself
    for i in 1 2 3 4 5 6 7; do curl -s -o /dev/null -w '%{http_code}\\n' ${web}/limited; done
    curl -u demo:demo ${web}/private
    curl -L ${web}/old
    curl ${web}/hello

  Take an origin out of service gently, and back
    ${facts.command} drain api 127.0.0.1:${facts.origins[0]?.port} ${credentials}
    ${facts.command} drain api 127.0.0.1:${facts.origins[0]?.port} --undo ${credentials}

  Change the configuration while it runs: save this file and look at the status page
    ${facts.file}

  See every request
    tail -f ${facts.accessLog}

Ctrl-C ends everything.

`;
}
