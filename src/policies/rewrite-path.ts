// Policy: changes the path that is sent to the endpoint.
import { normalizePath } from '#http/path.ts';
import { compileLinearRegExp } from '#lib/linear-regexp.ts';
import { ConfigurationError } from '#model/configuration-error.ts';
import type { Exchange } from '#model/exchange.ts';
import { definePolicy } from '#model/policy.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { compileTemplate, templateProblem } from '#model/template.ts';
import { type Output, s } from '#schema/blocks.ts';

const options = () =>
  s.object({
    'strip-prefix': s.string().optional().describe('Start of the path to take away; other paths stay.'),
    'add-prefix': s.string().optional().describe('Text to put in front of the path.'),
    replace: s
      .checked((text) => templateProblem(text))
      .optional()
      .describe('New path; may hold variables such as ${path.id}.'),
    pattern: s
      .string()
      .optional()
      .describe('Linear-time regular expression whose first match in the path is replaced by `with`.'),
    with: s.string().optional().describe('Replacement for `pattern`; $1 and $<name> stand for groups.'),
  });

type Rewrite = (path: string, exchange: Exchange) => string;

export const rewritePath = definePolicy({
  type: 'rewrite-path',
  summary: 'Changes the path that is sent to the endpoint; the query stays.',
  options,
  example: 'type: rewrite-path\nstrip-prefix: /api\nadd-prefix: /v2',
  create(given) {
    const rewrite = compileRewrite(given);
    return (next) => (exchange) => {
      const { request, snapshot } = exchange;
      const path = normalizePath(rewrite(request.path, exchange), snapshot.forwarding.allowEncodedSlash);
      if (path === undefined) throw new ProxyError('http_request_error', 'the rewritten path is not valid');
      request.path = path;
      return next(exchange);
    };
  },
});

function compileRewrite(given: Output<ReturnType<typeof options>>): Rewrite {
  const { 'strip-prefix': strip, 'add-prefix': add, replace, pattern, with: replacement } = given;
  if ((pattern === undefined) !== (replacement === undefined))
    throw new ConfigurationError('rewrite-path needs pattern and with together');
  if (strip === undefined && add === undefined && replace === undefined && pattern === undefined) {
    throw new ConfigurationError('rewrite-path needs one of strip-prefix, add-prefix, replace, and pattern with with');
  }
  const steps: Rewrite[] = [];
  if (strip !== undefined) steps.push((path) => stripPrefix(path, strip));
  if (replace !== undefined) {
    const template = compileTemplate(replace);
    steps.push((_path, exchange) => template(exchange));
  }
  if (pattern !== undefined && replacement !== undefined) {
    const expression = compile(pattern);
    steps.push((path) => path.replace(expression, replacement));
  }
  if (add !== undefined) steps.push((path) => add.replace(/\/$/, '') + path);
  return (path, exchange) => steps.reduce((result, step) => step(result, exchange), path);
}

/** Takes whole segments only: `/api` is no prefix of `/apis`. */
function stripPrefix(path: string, prefix: string): string {
  const bare = prefix.replace(/\/$/, '');
  if (path === bare) return '/';
  return path.startsWith(`${bare}/`) ? path.slice(bare.length) : path;
}

function compile(pattern: string): RegExp {
  try {
    return compileLinearRegExp(pattern);
  } catch (error) {
    throw new ConfigurationError(`pattern ${(error as Error).message}`);
  }
}
