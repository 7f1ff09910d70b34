// All that happens between one gateway, its clients and its origins, and what is found wrong with it.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { AccessRecord } from '../support/gateway.ts';
import { BrokenOff } from './integrity-bytes.ts';
import type { Contents } from './integrity-contents.ts';
import { Dice } from './integrity-dice.ts';
import { createHttp2Origin } from './integrity-http2-origin.ts';
import { type Plan, planRequest } from './integrity-plan.ts';

/** Of every wait of the gateway; the queue for a connection is shorter. */
export const TIMEOUT_MS = 1000;
/** Three attempts that time out, the pauses of both peers, and what a busy machine adds. */
export const LIMIT_MS = 8000;
export const SETTLE_MS = 6000;
/** Users that the gateway knows. */
export const USERS = 200;
/** Beyond this, a thread that was late may have taken its own delay for somebody's silence. */
const MAX_LATE_MS = TIMEOUT_MS / 10;
const TICK_MS = 20;
export const MAX_BODY = 200_000;
/** What the gateway reads behind an answer before it breaks the connection off; a client may then lose the answer. */
export const LINGER_BYTES = 900_000;

/** What is known of one request from both of its ends. */
export interface Facts {
  readonly plan: Plan;
  /** How often an origin saw its head. */
  heads: number;
  /** Whether an origin saw all of it. */
  whole: boolean;
  /** Whether an origin has broken off or kept silent. */
  failed: boolean;
  /** Whether the client has given it up. */
  givenUp: boolean;
  /** Status the client was answered with; 0 before. */
  status: number;
  /** Whether the gateway has got all of the head, as far as the client knows. */
  read: boolean;
}

/** What an origin does with a connection. */
export type Serve = (world: World, socket: Socket) => Promise<void>;

/** One gateway, its origins and all that happens there. */
export class World {
  readonly #violations: { readonly what: string; readonly facts: Facts | undefined }[] = [];
  readonly facts = new Map<number, Facts>();
  readonly codes = new Map<string, number>();
  readonly dice: Dice;
  readonly contents: Contents;
  /** Whether there are policies: names and passwords, a limit of content, changed fields. */
  readonly guarded: boolean;
  /** What is spoken with the origins. */
  readonly originProtocol: 'http1' | 'http2';
  /** Folder of Unix sockets, where all goes over such; else ''. */
  readonly folder: string;
  /** Whether an origin has closed an idle connection unannounced: what is on its way then is lost. */
  closesSilently = false;
  readonly #t: TestContext;
  readonly #seed: number;
  readonly #serve: Serve;
  /** When this thread was last later than it should be, in monotonic milliseconds. */
  #lateAt = Number.NEGATIVE_INFINITY;

  constructor(t: TestContext, seed: number, contents: Contents, serve: Serve) {
    this.#t = t;
    this.#seed = seed;
    this.#serve = serve;
    this.dice = new Dice(seed);
    this.contents = contents;
    this.originProtocol = this.dice.chance(0.5) ? 'http1' : 'http2';
    this.guarded = this.dice.chance(0.4);
    this.folder = this.dice.chance(0.4) ? mkdtempSync(join(tmpdir(), 'tidegate-integrity-')) : '';
    t.after(() => this.folder !== '' && rmSync(this.folder, { recursive: true }));
    this.#watchDelay();
  }

  /** Whether this machine has lately been too slow for anything to be said about who was on time. */
  get isLate(): boolean {
    return performance.now() - this.#lateAt < LIMIT_MS;
  }

  #watchDelay(): void {
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      if (now - last > TICK_MS + MAX_LATE_MS) this.#lateAt = now;
      last = now;
    }, TICK_MS);
    this.#t.after(() => clearInterval(timer));
  }

  diceOf(id: number, side: number): Dice {
    return new Dice(this.#seed + 3 * id + side);
  }

  plan(ahead: boolean): Facts {
    const id = this.facts.size;
    const facts = {
      plan: planRequest(id, this.diceOf(id, 0), ahead),
      heads: 0,
      whole: false,
      failed: false,
      givenUp: false,
      status: 0,
      read: true,
    };
    this.facts.set(id, facts);
    return facts;
  }

  violated(what: string, facts?: Facts): void {
    this.#violations.push({ what, facts });
  }

  /** All that was found wrong, with what the access log says of it. */
  report(records: readonly AccessRecord[]): readonly string[] {
    return this.#violations.map(({ what, facts }) => {
      if (!facts) return what;
      const found = records.filter(({ path }) => path === `/r/${facts.plan.id}`);
      return `${what}: ${JSON.stringify(facts)}, recorded as ${JSON.stringify(found)}`;
    });
  }

  /** Starts an origin; returns its address. */
  async listen(name: string): Promise<string> {
    const open = new Set<Socket>();
    const server = this.originProtocol === 'http2' ? createHttp2Origin(this) : this.#createOrigin();
    server.on('connection', (socket: Socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    });
    if (this.folder === '') server.listen(0, '127.0.0.1');
    else server.listen(join(this.folder, name));
    await once(server, 'listening');
    this.#t.after(() => {
      server.close();
      for (const socket of open) socket.destroy();
    });
    const address = server.address() as AddressInfo | string;
    return typeof address === 'string' ? `unix:${address}` : `127.0.0.1:${address.port}`;
  }

  #createOrigin(): Server {
    return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#serve(this, socket).catch((error) => {
        if (!(error instanceof BrokenOff)) this.violated(`the gateway sends what is no request: ${error}`);
        socket.destroy();
      });
    });
  }
}
