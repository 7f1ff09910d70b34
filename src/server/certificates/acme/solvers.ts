// The solvers of the three types of challenges: what they put where, and how that is taken back.
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Timers } from '#lib/timers.ts';
import type { ChallengeBoard } from '#server/certificates/challenge-board.ts';
import { pause } from '#server/certificates/pause.ts';
import { createChallengeCertificate } from '#server/certificates/x509.ts';
import { type DnsAction, type DnsHook, runDnsHook } from './dns-hook.ts';
import { reverseName } from './reverse-name.ts';
import type { Solver, Task } from './solver.ts';

export interface SolverHost {
  readonly board: ChallengeBoard;
  readonly log: Log;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** RFC 8555 section 8.3: a file at a well-known path on port 80. */
export function http01({ board }: SolverHost): Solver {
  return {
    type: 'http-01',
    solve: (tasks) => board.put({ answers: tasks.map(({ token, keyAuthorization }) => [token, keyAuthorization]) }),
  };
}

/** RFC 8737: a certificate of its own for a handshake with its own protocol on port 443. */
export function tlsAlpn01({ board, clock }: SolverHost): Solver {
  return {
    type: 'tls-alpn-01',
    async solve(tasks) {
      const made = tasks.map(async ({ name, keyAuthorization }) => {
        const pair = await createChallengeCertificate(name, keyAuthorization, clock.wall());
        // RFC 8738 section 6: an address is asked for by its name in the reverse tree.
        return [isIP(name) === 0 ? name : reverseName(name), pair] as const;
      });
      return await board.put({ certificates: await Promise.all(made) });
    },
  };
}

export interface DnsOptions extends DnsHook {
  /** For one call. */
  readonly timeoutMs: number;
  /** Until name servers all over the world have what the hook has put in place. */
  readonly waitMs: number;
}

/** RFC 8555 section 8.4: a TXT record, put in place by a program of the operator's. */
export function dns01({ timeoutMs, waitMs, ...hook }: DnsOptions, { log, timers }: SolverHost): Solver {
  const call = async (action: DnsAction, task: Task, signal?: AbortSignal) => {
    const value = createHash('sha256').update(task.keyAuthorization).digest('base64url');
    const timeout = AbortSignal.timeout(timeoutMs);
    const both = signal ? AbortSignal.any([signal, timeout]) : timeout;
    await runDnsHook(hook, { action, name: `_acme-challenge.${task.name}`, value }, both);
  };
  const cleanup = async (tasks: readonly Task[]) => {
    for (const task of tasks) {
      await call('cleanup', task).catch((error: Error) =>
        log.warn('a TXT record for a challenge may be left behind', { name: task.name, reason: error.message }),
      );
    }
  };
  return {
    type: 'dns-01',
    async solve(tasks, signal) {
      const done: Task[] = [];
      try {
        // One after the other: a wildcard and its own name have records of one name, and programs tend to replace the whole set.
        for (const task of tasks) {
          done.push(task);
          await call('present', task, signal);
        }
        await pause(timers, waitMs, signal);
      } catch (error) {
        await cleanup(done);
        throw error;
      }
      return () => cleanup(done);
    },
  };
}
