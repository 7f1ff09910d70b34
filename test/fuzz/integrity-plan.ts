// What a request, its answer and the faults of both are going to be, drawn by chance from a seed.
import type { Dice } from './integrity-dice.ts';

/** More than the kernel takes on the way from one TCP socket to another: the rest is held back. Unix sockets hold much less. */
const HELD_BYTES = 3_000_000;

export type Framing = 'none' | 'length' | 'chunked' | 'close';

export interface AnswerPlan {
  readonly status: number;
  readonly framing: Framing;
  readonly size: number;
  /** When it is written: behind the request's content, before any of that is read, or while it is read. */
  readonly when: 'after' | 'early' | 'meanwhile';
  /** How many informational responses come ahead. */
  readonly interim: number;
  /** What happens to the connection behind it; `surplus` sends bytes that belong to nothing. */
  readonly behind: 'keep' | 'close' | 'close-silently' | 'surplus';
  /** Happens to the first attempt only. */
  readonly fault: 'none' | 'reset-before' | 'reset-within' | 'silent' | 'stall-within';
}

export interface Plan {
  readonly id: number;
  readonly method: string;
  readonly version: '1.0' | '1.1';
  readonly keepAlive: boolean;
  readonly framing: Framing;
  readonly size: number;
  readonly expect: boolean;
  /** Whether the credentials are right, where some are asked for. */
  readonly admitted: boolean;
  readonly answer: AnswerPlan;
}

const FAULTS = ['reset-before', 'reset-before', 'reset-within', 'reset-within', 'silent', 'stall-within'] as const;

/** The plan of a request. `ahead` tells that it is sent ahead of the answer to the one before. */
export function planRequest(id: number, dice: Dice, ahead: boolean): Plan {
  const version = dice.chance(0.1) ? '1.0' : '1.1';
  const method = dice.pick(['GET', 'GET', 'HEAD', 'POST', 'POST', 'POST', 'PUT', 'PUT']);
  const hasContent = method === 'POST' || method === 'PUT' || dice.chance(0.1);
  const chunked = version === '1.1' && dice.chance(0.5);
  const contentFraming = chunked ? 'chunked' : 'length';
  const size = hasContent ? planSize(dice, ahead) : 0;
  return {
    id,
    method,
    version,
    keepAlive: dice.chance(version === '1.0' ? 0.5 : 0.95),
    framing: hasContent ? contentFraming : 'none',
    size,
    expect: size > 0 && version === '1.1' && !ahead && dice.chance(0.1),
    admitted: dice.chance(0.95),
    answer: planAnswer(dice, ahead),
  };
}

function planSize(dice: Dice, small: boolean): number {
  const chosen = dice.between(0, 99);
  if (chosen < 10) return 0;
  if (chosen < 40) return dice.between(1, 2000);
  if (chosen < 60 || small) return dice.between(1, 40_000);
  if (chosen < 97) return dice.between(1, 300_000);
  return dice.between(HELD_BYTES, 2 * HELD_BYTES);
}

function planAnswer(dice: Dice, ahead: boolean): AnswerPlan {
  const size = planSize(dice, ahead);
  const status = dice.pick([200, 200, 200, 200, 200, 200, 404, 500, 204]);
  const framing =
    status === 204 ? 'none' : dice.pick<Framing>(['length', 'length', 'length', 'chunked', 'chunked', 'close']);
  return {
    status,
    framing,
    size: framing === 'none' ? 0 : size,
    when: dice.pick(['after', 'after', 'after', 'after', 'early', 'meanwhile']),
    interim: dice.chance(0.1) ? dice.between(1, 3) : 0,
    behind: dice.pick(['keep', 'keep', 'keep', 'keep', 'keep', 'keep', 'close', 'close-silently', 'surplus']),
    fault: dice.chance(0.06) ? dice.pick(FAULTS) : 'none',
  };
}
