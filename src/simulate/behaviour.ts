// How a simulated endpoint behaves, and the notation for it: `latency:20ms,capacity:50,errors:1%,down:10s-20s`.
import { nearest } from '#lib/nearest.ts';
import { parseDuration, parsePercentage } from '#schema/units.ts';

/** From `fromMs` to before `toMs`, counted from the start of the simulation. */
export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Behaviour {
  /** Whether service times are exponentially distributed, or all the same. */
  readonly spread: 'exponential' | 'none';
  /** Requests that are worked on at once; the others wait in the order they came. */
  readonly capacity: number;
  /** When connections are refused. */
  readonly down: readonly Period[];
  /** Mean service time in milliseconds of a request that begins at this time. */
  latencyAt(ms: number): number;
  /** Share of requests answered with 503. */
  errorsAt(ms: number): number;
  /** Share of requests whose connection ends without an answer. */
  resetsAt(ms: number): number;
}

/** What is not said in the notation. */
const DEFAULTS = { latency: 20, errors: 0, resets: 0 } as const;

type Timed = keyof typeof DEFAULTS;

const KEYS = ['latency', 'spread', 'capacity', 'errors', 'resets', 'down'] as const;

/** A value that is another one in some periods. */
interface Course {
  always: number;
  readonly changes: (Period & { readonly value: number })[];
}

/** The behaviour that `text` describes, or a sentence that says what is wrong. */
export function parseBehaviour(text: string): Behaviour | string {
  const draft = createDraft();
  for (const part of text.split(',').filter((part) => part !== '')) {
    const problem = readPart(part.trim(), draft);
    if (problem !== undefined) return problem;
  }
  const { latency, errors, resets } = draft.courses;
  return {
    spread: draft.spread,
    capacity: draft.capacity,
    down: draft.down,
    latencyAt: (ms) => valueAt(latency, ms),
    errorsAt: (ms) => valueAt(errors, ms),
    resetsAt: (ms) => valueAt(resets, ms),
  };
}

/** Whether one of the periods holds this time. */
export function isWithin(periods: readonly Period[], ms: number): boolean {
  return periods.some(({ fromMs, toMs }) => ms >= fromMs && ms < toMs);
}

interface Draft {
  spread: Behaviour['spread'];
  capacity: number;
  readonly down: Period[];
  readonly courses: Readonly<Record<Timed, Course>>;
}

function createDraft(): Draft {
  const course = (always: number): Course => ({ always, changes: [] });
  return {
    spread: 'exponential',
    capacity: Number.POSITIVE_INFINITY,
    down: [],
    courses: { latency: course(DEFAULTS.latency), errors: course(DEFAULTS.errors), resets: course(DEFAULTS.resets) },
  };
}

/** Puts one `key:value` into the draft; returns what is wrong with it. */
function readPart(part: string, draft: Draft): string | undefined {
  const [, key = '', value = ''] = /^([^:]*):(.*)$/.exec(part) ?? ['', part];
  switch (key) {
    case 'down':
      return readDown(value, draft);
    case 'spread':
      return readSpread(value, draft);
    case 'capacity':
      return readCapacity(value, draft);
    case 'latency':
      return readTimed(value, parseDuration, draft.courses.latency);
    case 'errors':
    case 'resets':
      return readTimed(value, parsePercentage, draft.courses[key]);
    default: {
      const near = nearest(key, KEYS);
      return `unknown key "${key}"${near ? `; did you mean "${near}"?` : `; there are ${KEYS.join(', ')}`}`;
    }
  }
}

function readDown(value: string, { down }: Draft): string | undefined {
  const period = parsePeriod(value);
  if (typeof period === 'string') return period;
  down.push(period);
  return undefined;
}

function readSpread(value: string, draft: Draft): string | undefined {
  if (value !== 'exponential' && value !== 'none') return `spread is exponential or none, not "${value}"`;
  draft.spread = value;
  return undefined;
}

function readCapacity(value: string, draft: Draft): string | undefined {
  if (!/^[1-9][0-9]{0,8}$/.test(value)) return `capacity is a whole number from 1, not "${value}"`;
  draft.capacity = Number(value);
  return undefined;
}

function readTimed(text: string, parse: (text: string) => number | string, course: Course): string | undefined {
  const [amount = '', ...when] = text.split('@');
  const value = parse(amount);
  if (typeof value === 'string') return value;
  if (when.length === 0) {
    course.always = value;
    return undefined;
  }
  const period = parsePeriod(when.join('@'));
  if (typeof period === 'string') return period;
  course.changes.push({ ...period, value });
  return undefined;
}

function parsePeriod(text: string): Period | string {
  const match = /^([^-]+)-([^-]+)$/.exec(text);
  if (!match) return `"${text}" is not a period such as 10s-20s`;
  const fromMs = parseDuration(match[1] as string);
  const toMs = parseDuration(match[2] as string);
  if (typeof fromMs === 'string') return fromMs;
  if (typeof toMs === 'string') return toMs;
  return fromMs < toMs ? { fromMs, toMs } : `the period ${text} ends before it begins`;
}

/** Of several changes at a time, the last written holds. */
function valueAt({ always, changes }: Course, ms: number): number {
  for (let i = changes.length - 1; i >= 0; i--) {
    const { fromMs, toMs, value } = changes[i] as Course['changes'][number];
    if (ms >= fromMs && ms < toMs) return value;
  }
  return always;
}
