// The faults that endpoints are put through under load: how each begins and ends.
import type { KillableOrigin } from './killable-origin.ts';

/** Where a fault is done. */
export interface FaultPlace {
  /** The first of three endpoints. */
  readonly victim: KillableOrigin;
  /** Changes the addresses that the name of the upstream has, where it has one. */
  readonly resolveTo: (hosts: readonly string[]) => void;
  readonly hosts: readonly string[];
  /** Drops all that comes from the victim on its way, or no more. */
  readonly setBlackhole: (isOn: boolean) => void;
}

export interface Fault {
  readonly name: string;
  /** One line for the table. */
  readonly what: string;
  /** Whether the upstream finds its endpoints by a name, or the victim is in a network namespace. */
  readonly needs?: 'name' | 'namespace';
  begin(place: FaultPlace): Promise<void> | void;
  end(place: FaultPlace): Promise<void> | void;
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'kill',
    what: 'the process is killed, and started again later',
    begin: ({ victim }) => victim.kill(),
    end: ({ victim }) => victim.start(),
  },
  {
    name: 'stop',
    what: 'the process is stopped (SIGSTOP): connections stay and nothing is answered',
    begin: ({ victim }) => victim.stop(),
    end: ({ victim }) => victim.proceed(),
  },
  {
    name: 'blackhole',
    what: 'all packets from the endpoint are lost',
    needs: 'namespace',
    begin: ({ setBlackhole }) => setBlackhole(true),
    end: ({ setBlackhole }) => setBlackhole(false),
  },
  {
    name: 'slow',
    what: 'it takes 300 ms for each answer',
    begin: ({ victim }) => victim.behave('slow 300'),
    end: ({ victim }) => victim.behave('well'),
  },
  {
    name: 'flap',
    what: 'the process is killed and started again five times',
    begin: async ({ victim }) => {
      for (let turn = 0; turn < 5; turn++) {
        await victim.kill();
        await new Promise((resolve) => setTimeout(resolve, 150));
        await victim.start();
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    },
    end: () => {},
  },
  {
    name: 'reset in content',
    what: 'each connection is reset in the middle of the response',
    begin: ({ victim }) => victim.behave('reset'),
    end: ({ victim }) => victim.behave('well'),
  },
  {
    name: '503 burst',
    what: 'it answers 503',
    begin: ({ victim }) => victim.behave('status 503'),
    end: ({ victim }) => victim.behave('well'),
  },
  {
    name: '500 burst',
    what: 'it answers 500, by its probes too',
    begin: ({ victim }) => victim.behave('status 500'),
    end: ({ victim }) => victim.behave('well'),
  },
  {
    name: 'DNS change',
    what: 'its address leaves the name, and a second and a half later it is killed',
    needs: 'name',
    begin: async ({ victim, resolveTo, hosts }) => {
      resolveTo(hosts.slice(1));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await victim.kill();
    },
    end: async ({ victim, resolveTo, hosts }) => {
      await victim.start();
      resolveTo(hosts);
    },
  },
];
