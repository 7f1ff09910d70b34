// What differs between two configurations, by name: for the line that a reload logs.
import type { Config } from './config-schema.ts';

/** Sentences such as `route api changed`; empty when nothing differs. */
export function diffConfigurations(before: Config, after: Config): readonly string[] {
  return [
    ...diffSection('listener', before.listeners, after.listeners),
    ...diffSection('route', byName(before), byName(after)),
    ...diffSection('upstream', before.upstreams, after.upstreams),
    ...(['forwarding', 'policies', 'logs', 'drain', 'admin', 'workers'] as const)
      .filter((key) => differs(before[key], after[key]))
      .map((key) => `${key} changed`),
  ];
}

function byName(config: Config): Record<string, unknown> {
  return Object.fromEntries(config.routes.map((route) => [route.name, route]));
}

function diffSection(
  noun: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): string[] {
  const removed = Object.keys(before)
    .filter((name) => !(name in after))
    .map((name) => `${noun} ${name} removed`);
  const added = Object.keys(after)
    .filter((name) => !(name in before))
    .map((name) => `${noun} ${name} added`);
  const changed = Object.keys(after)
    .filter((name) => name in before && differs(before[name], after[name]))
    .map((name) => `${noun} ${name} changed`);
  return [...removed, ...added, ...changed];
}

function differs(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) !== JSON.stringify(b);
}
