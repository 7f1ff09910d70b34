// What clients of both protocols check of an answer: whether there is a reason for it, and whether it is the one of their request.
import { ERROR_KINDS, type ErrorCode } from '#model/proxy-error.ts';
import { type Facts, MAX_BODY, type World } from './integrity-world.ts';

/** Code of the error that an answer of the gateway tells. */
export function codeOf(proxyStatus: string): ErrorCode {
  return (/error=([a-z_]+)/.exec(proxyStatus)?.[1] ?? /details="([^"]*)"/.exec(proxyStatus)?.[1] ?? '') as ErrorCode;
}

/** Checks an answer that the gateway made, with `content` unless there is none. */
export function judgeOwn(world: World, facts: Facts, told: { proxyStatus: string; behaves: boolean }): ErrorCode {
  const code = codeOf(told.proxyStatus);
  if (code === 'request-head-timeout') facts.read = false;
  world.codes.set(code, (world.codes.get(code) ?? 0) + 1);
  if (ERROR_KINDS[code]?.status !== facts.status || !isDue(world, code, facts, told.behaves))
    world.violated(`answered ${facts.status} ${told.proxyStatus}`, facts);
  return code;
}

/** Checks the content of such an answer. */
export function judgeProblem(world: World, facts: Facts, code: ErrorCode, content: Buffer): void {
  if (!content.includes(`"code":"${code}"`) || !content.toString().endsWith('}\n'))
    world.violated(`answered with the problem ${content}`, facts);
}

/** Checks the head of an answer that an origin made. */
export function judgeRelayed(world: World, facts: Facts, field: (name: string) => string | undefined): void {
  const { plan } = facts;
  const { answer } = plan;
  if (field('x-id') !== String(plan.id) || facts.status !== answer.status || facts.heads === 0)
    world.violated(`answered ${facts.status} of ${field('x-id')}`, facts);
  if (world.guarded && field('x-done') !== String(answer.status)) world.violated(`done ${field('x-done')}`, facts);
}

/** Whether there is a reason for such an answer. */
function isDue(world: World, code: ErrorCode, { plan, failed }: Facts, behaves: boolean): boolean {
  if (['connection_limit_reached', 'upstream-full', 'circuit-open'].includes(code) || failed) return true;
  if (code === 'request-body-too-large') return world.guarded && plan.size > MAX_BODY;
  if (code === 'unauthorized') return world.guarded && !plan.admitted;
  if (code === 'request-head-timeout' || code === 'request-body-timeout') return !behaves || world.isLate;
  if (/^connection_(?:read_|write_)?timeout$/.test(code)) return world.isLate;
  // A connection that was kept may be closed by its origin at the moment when the request is sent on it.
  const repeatable = plan.method !== 'POST' && plan.framing === 'none';
  return code === 'connection_terminated' && world.closesSilently && !repeatable;
}
