// Serves the status page: static files that refresh themselves from the admin API. No build, no template, no framework.
import { readFileSync } from 'node:fs';
import type { OpenAPIHono } from '@hono/zod-openapi';

// Everything comes from here and nothing is inline, so that injected markup could load and run nothing.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FILES = [
  { path: '/', file: 'status.html', type: 'text/html; charset=utf-8' },
  { path: '/status.css', file: 'status.css', type: 'text/css; charset=utf-8' },
  { path: '/status.js', file: 'status.js', type: 'text/javascript; charset=utf-8' },
  { path: '/rows.js', file: 'rows.js', type: 'text/javascript; charset=utf-8' },
  { path: '/rate.js', file: 'rate.js', type: 'text/javascript; charset=utf-8' },
  { path: '/format.js', file: 'format.js', type: 'text/javascript; charset=utf-8' },
  { path: '/favicon.svg', file: 'favicon.svg', type: 'image/svg+xml' },
] as const;

export function addStatusPage(app: OpenAPIHono): void {
  for (const { path, file, type } of FILES) {
    const content = readFileSync(new URL(`./page/${file}`, import.meta.url));
    app.get(path, (c) =>
      c.body(content, 200, {
        'content-type': type,
        'content-security-policy': POLICY,
        'referrer-policy': 'no-referrer',
      }),
    );
  }
}
