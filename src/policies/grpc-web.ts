// Policy: translates gRPC-Web, which browsers can speak, to gRPC towards the endpoint, and the response back.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
import { Fields, isFieldName } from '#http/fields.ts';
import { compileOrigins, originPatternProblem } from '#http/origin.ts';
import { withoutTouched } from '#http/trailers.ts';
import { type FixedBody, fixedBody, UNKNOWN_LENGTH } from '#model/body.ts';
import { type BodyFilter, filterBody } from '#model/body-filter.ts';
import type { Exchange } from '#model/exchange.ts';
import type { GrpcCall } from '#model/grpc-call.ts';
import { mapResponse } from '#model/handler.ts';
import type { Request, Response } from '#model/message.ts';
import { definePolicy } from '#model/policy.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { s } from '#schema/blocks.ts';
import { MessageBounds } from '#wire/grpc/messages.ts';
import { GRPC_STATUS } from '#wire/grpc/status.ts';
import {
  Base64Decoder,
  encodeWebTrailers,
  formatGrpcMediaType,
  type GrpcFormat,
  parseGrpcMediaType,
} from '#wire/grpc/web.ts';

/** How long a browser may go by the answer to its preflight, as long as any of them does. */
const PREFLIGHT_SECONDS = '7200';

/** What an answer without an endpoint behind it has for scripts to read. */
const STATUS_FIELDS = 'grpc-status, grpc-message';

const NOTHING = Buffer.alloc(0);

/** Stands for all origins. */
const ANY = '*';

/** What lets the page that asks read the answer; `undefined` where none asks across origins, or none may. */
type Cors = readonly (readonly [string, string])[] | undefined;

export const grpcWeb = definePolicy({
  type: 'grpc-web',
  summary: 'Translates gRPC-Web to gRPC towards the endpoint, and the response back.',
  options: () =>
    s.object({
      origins: s
        .list(s.checked(originProblem))
        .default([])
        .describe(
          'Pages that may call across origins: https://app.example.com, https://*.example.com, same-host, or * for all, whose calls then have no cookies. Preflights of theirs are answered here. None by default: pages of the same origin need none.',
        ),
    }),
  example: 'type: grpc-web\norigins: [https://app.example.com]',
  create({ origins }) {
    const corsOf = compileCors(origins);
    return (next) => (exchange) => {
      const { request, grpc } = exchange;
      const cors = corsOf(request);
      if (request.method === 'OPTIONS' && cors && request.fields.has('access-control-request-method')) {
        exchange.answeredBy = 'grpc-web';
        return preflightAnswer(request, cors);
      }
      if (!grpc || grpc.mediaType.format === 'grpc') return next(exchange);
      const format = responseFormat(request, grpc.mediaType.format);
      translateRequest(exchange, grpc);
      return mapResponse(next(exchange), (response) => {
        translateResponse(response, format, grpc);
        if (cors) exposeFields(response.fields, cors);
        return response;
      });
    };
  },
  arrival({ origins }) {
    const corsOf = compileCors(origins);
    return ({ request, grpc }) => {
      const cors = grpc && grpc.mediaType.format !== 'grpc' ? corsOf(request) : undefined;
      if (grpc && cors) grpc.answerFields = [...cors, ['access-control-expose-headers', STATUS_FIELDS]];
    };
  },
});

/** PROTOCOL-WEB: the client says by Accept that it wants text; one that says nothing gets what it sends. */
function responseFormat({ fields }: Request, sent: GrpcFormat): GrpcFormat {
  const accepted = (fields.get('accept') ?? '').split(',').map((type) => parseGrpcMediaType(type.trim())?.format);
  if (accepted.includes('web-text')) return 'web-text';
  return accepted.includes('web') ? 'web' : sent;
}

function translateRequest(exchange: Exchange, { mediaType }: GrpcCall): void {
  const { request } = exchange;
  const { fields } = request;
  fields.set('content-type', formatGrpcMediaType({ ...mediaType, format: 'grpc' }));
  // PROTOCOL-WEB: "Message-level compression for streamed requests/responses is not supported".
  fields.set('grpc-accept-encoding', 'identity');
  request.acceptsTrailers = true;
  if (mediaType.format === 'web-text') decodeContent(exchange);
}

function decodeContent(exchange: Exchange): void {
  const { request } = exchange;
  const { body } = request;
  if (!body) return;
  const filter = decoding(exchange);
  if (body.type === 'stream') {
    request.body = filterBody(body, filter);
    request.length = UNKNOWN_LENGTH;
    return;
  }
  const decoded = filter.chunk(bytesOf(body));
  filter.end(undefined);
  request.body = fixedBody(decoded);
  request.length = decoded.length;
}

function decoding(exchange: Exchange): Required<Pick<BodyFilter, 'chunk' | 'end'>> {
  const decoder = new Base64Decoder();
  const refuse = (message: string) => {
    exchange.answeredBy = 'grpc-web';
    return new ProxyError('http_request_error', message);
  };
  return {
    chunk(text) {
      const bytes = decoder.decode(text);
      if (!bytes) throw refuse('the content is not base64');
      return bytes;
    },
    end(trailers) {
      if (!decoder.isWhole) throw refuse('the content ends within a group of base64');
      return { bytes: undefined, trailers };
    },
  };
}

/** A response that is not of gRPC stays as it is, and so does one that is only a head, but for its type. */
function translateResponse(response: Response, format: GrpcFormat, call: GrpcCall): void {
  const { fields, body } = response;
  const mediaType = parseGrpcMediaType(fields.get('content-type') ?? '');
  if (mediaType?.format !== 'grpc') return;
  fields.set('content-type', formatGrpcMediaType({ ...mediaType, format }));
  fields.delete('trailer');
  if (fields.has('grpc-status')) return;
  const encode = format === 'web-text' ? base64 : unchanged;
  const bounds = new MessageBounds();
  if (body?.type === 'stream') {
    response.length = UNKNOWN_LENGTH;
    response.body = filterBody(body, {
      chunk(bytes) {
        bounds.push(bytes);
        return encode(bytes);
      },
      end(trailers) {
        checkWhole(bounds, call);
        // Only now is it known what policies have made of the head.
        return { bytes: encode(lastMessage(trailers && withoutTouched(trailers, fields))), trailers: undefined };
      },
    });
    return;
  }
  const content = body ? bytesOf(body) : NOTHING;
  bounds.push(content);
  checkWhole(bounds, call);
  const whole = encode(Buffer.concat([content, lastMessage()]));
  response.length = whole.length;
  response.body = fixedBody(whole);
}

/**
 * PROTOCOL-WEB: "Trailers must be the last message of the response". Behind half a message a client would take them for the other half, and
 * for what the endpoint has said: such content breaks off instead, also where the gateway has put a status in place of what is missing.
 */
function checkWhole({ isBetween }: MessageBounds, call: GrpcCall): void {
  if (isBetween) return;
  call.status = undefined;
  throw new ProxyError('http_response_incomplete', 'the content of the response ends within a message');
}

/** Where the server has said no status at all, a client would take it for this one. */
function lastMessage(lines = ''): Buffer {
  const isTold = /^grpc-status:/im.test(lines);
  return encodeWebTrailers(isTold ? lines : `${lines}grpc-status: ${GRPC_STATUS.unknown}\r\n`);
}

function bytesOf({ content }: FixedBody): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
}

/** Each part by itself, so that none has to wait for the next: clients take padding wherever it stands. */
function base64(bytes: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = bytes;
  return Buffer.from(Buffer.from(buffer, byteOffset, length).toString('base64'), 'latin1');
}

function unchanged(bytes: Uint8Array): Uint8Array {
  return bytes;
}

function compileCors(origins: readonly string[]): (request: Request) => Cors {
  const isAllowed = compileOrigins(origins.filter((origin) => origin !== ANY));
  const others: Cors = origins.includes(ANY) ? [['access-control-allow-origin', ANY]] : undefined;
  return ({ fields, authority }) => {
    const origin = origins.length > 0 ? fields.get('origin') : undefined;
    if (origin === undefined) return undefined;
    if (!isAllowed(origin, authority)) return others;
    return [
      ['access-control-allow-origin', origin],
      ['access-control-allow-credentials', 'true'],
      ['vary', 'origin'],
    ];
  };
}

function preflightAnswer({ fields: asked }: Request, cors: NonNullable<Cors>): Response {
  const names = (asked.get('access-control-request-headers') ?? '').split(',').map((name) => name.trim());
  const fields = Fields.from([
    ...cors,
    ['access-control-allow-methods', 'POST'],
    // PROTOCOL-WEB: "Access-Control-Allow-Headers to whatever the preflight request carries".
    ['access-control-allow-headers', names.filter(isFieldName).join(', ')],
    ['access-control-max-age', PREFLIGHT_SECONDS],
  ]);
  return { status: 204, reason: '', fields, length: 0, body: undefined, tunnel: undefined };
}

/** Metadata may have any name: all fields of the response are for the script to read. */
function exposeFields(fields: Fields, cors: NonNullable<Cors>): void {
  const names = new Set([...fields.entries()].map(([name]) => name.toLowerCase()));
  for (const [name, value] of cors) {
    if (name === 'vary') fields.append(name, value);
    else fields.set(name, value);
  }
  fields.set('access-control-expose-headers', [...names].join(', '));
}

function originProblem(text: string): string | undefined {
  const problem = text === ANY ? undefined : originPatternProblem(text);
  return problem && `${problem}; * stands for all`;
}
