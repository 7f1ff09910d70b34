// A small HTTP client for resolvers, over TCP, TLS or a Unix socket: bounded answers, and streams of lines that end in time.
import { readFile } from 'node:fs/promises';
import type http from 'node:http';
import https from 'node:https';
import { nodeHttp } from '#lib/node-http.ts';
import type { ResolverHost } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';
import type { Schema } from '#schema/schema.ts';
import { Deadline } from './deadline.ts';
import { checked, MAX_LIST_BYTES } from './endpoint-list.ts';

/** Paths of PEM files; read for each connection, so that they can be replaced. */
export const tlsFiles = s.object({
  ca: s
    .string()
    .optional()
    .describe('File with the authorities that are trusted, in PEM; those of the system by default.'),
  cert: s.string().optional().describe('File with the certificate of the gateway, in PEM, where the server wants one.'),
  key: s.string().optional().describe('File with the key to it, in PEM.'),
});

/** An http or https URL. */
export const serverUrl = () => s.checked(urlProblem);

export interface HttpRequest {
  readonly method?: string;
  /** Path and query, behind the path of the server's URL. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Until the whole answer is there; of a stream, until its head is. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** The server answered, but not with what was asked for. */
export class StatusError extends Error {
  readonly status: number;

  constructor({ status, text }: Pick<HttpAnswer, 'status' | 'text'>) {
    const said = text.slice(0, MAX_QUOTED).trim();
    super(said === '' ? `status ${status}` : `status ${status}: ${said}`);
    this.name = 'StatusError';
    this.status = status;
  }
}

const LATE = 'no answer in time';
const MAX_QUOTED = 200;
/** A peer that has vanished is noticed after this and ten probes, one a second. */
const KEEP_ALIVE_MS = 15_000;

export class HttpClient {
  readonly #host: ResolverHost;
  /** `unix:/path`, or a URL. */
  readonly #server: string;
  readonly #tls: Output<typeof tlsFiles>;

  constructor(host: ResolverHost, server: string, tls: Output<typeof tlsFiles> = {}) {
    this.#host = host;
    this.#server = server;
    this.#tls = tls;
  }

  /** The answer, whatever its status. Rejects when there is none in time or it is larger than 16 MiB. */
  async ask(request: HttpRequest): Promise<HttpAnswer> {
    const deadline = new Deadline(this.#host, request.signal, request.timeoutMs);
    try {
      return await readWhole(await this.#send(request, deadline.signal));
    } catch (error) {
      throw deadline.isOver ? new Error(LATE) : error;
    } finally {
      deadline.release();
    }
  }

  /** The answer as JSON of a form. Rejects with a `StatusError` when its status is not 2xx. */
  async askJson<Form>(form: Schema<Form>, request: HttpRequest): Promise<Form> {
    return parseJson(form, successful(await this.ask(request)).text);
  }

  /**
   * The lines of an answer as they come, in batches of all that are there; the first is empty and says that the head has come.
   * The stream ends when the server ends it, without an error after `lifeMs`, and when nobody reads on. To be read in any case.
   * Rejects with a `StatusError` when the status is not 2xx.
   */
  async stream(request: HttpRequest, lifeMs: number): Promise<AsyncIterable<readonly string[]>> {
    const deadline = new Deadline(this.#host, request.signal, request.timeoutMs);
    try {
      const response = await this.#send(request, deadline.signal);
      response.once('close', () => deadline.release());
      if (!isSuccess(response.statusCode)) throw new StatusError(await readWhole(response));
      deadline.restart(lifeMs);
      return readLines(response, deadline);
    } catch (error) {
      const isLate = deadline.isOver;
      deadline.release();
      throw isLate ? new Error(LATE) : error;
    }
  }

  async #send({ method = 'GET', target, headers, body }: HttpRequest, signal: AbortSignal) {
    const where = await this.#where(target);
    const { request: open } = where.protocol === 'https:' ? https : nodeHttp;
    return await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = open({
        ...where,
        method,
        headers: { accept: 'application/json', 'user-agent': 'tidegate', ...headers },
        agent: false,
        signal,
      });
      request.once('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
      request.once('response', resolve);
      request.on('error', reject);
      // What is no response, such as a switch of protocols, closes the connection without an error.
      request.once('close', () => reject(new Error('the server gave no response')));
      request.end(body);
    });
  }

  async #where(target: string): Promise<https.RequestOptions> {
    if (this.#server.startsWith('unix:'))
      return { socketPath: this.#server.slice(5), host: 'localhost', path: target, protocol: 'http:' };
    const { protocol, hostname, port, pathname, search } = new URL(this.#server);
    const path = target === '' ? `${pathname}${search}` : `${pathname.replace(/\/$/, '')}${target}`;
    const where = { protocol, host: hostname.replace(/^\[|\]$/g, ''), port, path };
    if (protocol === 'http:') return where;
    const files = Object.entries(this.#tls).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return { ...where, ...Object.fromEntries(await Promise.all(files.map(readEntry))) };
  }
}

/** Passes a 2xx answer on. Throws a `StatusError` for any other. */
export function successful(answer: HttpAnswer): HttpAnswer {
  if (!isSuccess(answer.status)) throw new StatusError(answer);
  return answer;
}

/** Reads JSON of a form. Throws an Error that says what is wrong. */
export function parseJson<Form>(form: Schema<Form>, text: string): Form {
  return checked(form, JSON.parse(text), 'the answer is not as expected');
}

function isSuccess(status = 0): boolean {
  return status >= 200 && status < 300;
}

async function readEntry([name, path]: [string, string]): Promise<[string, Buffer]> {
  return [name, await readFile(path)];
}

async function readWhole(response: http.IncomingMessage): Promise<HttpAnswer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_LIST_BYTES) throw new Error('the answer is larger than 16 MiB');
    parts.push(part);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(parts).toString('utf8') };
}

async function* readLines(response: http.IncomingMessage, life: Deadline): AsyncGenerator<readonly string[]> {
  /** The beginning of a line whose end has not come. */
  let parts: Buffer[] = [];
  let size = 0;
  try {
    yield [];
    for await (const chunk of response as AsyncIterable<Buffer>) {
      const end = chunk.lastIndexOf(0x0a);
      if (end >= 0) {
        const text = Buffer.concat([...parts, chunk.subarray(0, end)]).toString('utf8');
        parts = [];
        size = 0;
        yield text.split('\n').filter((line) => line.trim() !== '');
      }
      parts.push(chunk.subarray(end + 1));
      size += chunk.length - (end + 1);
      if (size > MAX_LIST_BYTES) throw new Error('a line of the answer is larger than 16 MiB');
    }
  } catch (error) {
    if (!life.isOver) throw error;
  } finally {
    response.destroy();
  }
}

function urlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) return `"${text}" is no http or https URL`;
  // Where it came from is logged with the endpoints.
  if (url.username !== '' || url.password !== '')
    return 'a URL holds no name or password here: use a field or an option';
  return undefined;
}
