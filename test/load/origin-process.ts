// An origin server as a process of its own, so that it can be killed and stopped: echoes what it got. Arguments: port and address. Each
// line on standard input changes how it behaves: `well`, `slow MS`, `status N`, or `reset` in the middle of each response. `/large` is
// answered with a megabyte.
import { createServer, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';

const [port = '0', address = '127.0.0.1'] = process.argv.slice(2);
let behaviour = 'well';
let figure = 0;

const LARGE = Buffer.alloc(1_000_000, 'large ');

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  let length = 0;
  request.on('data', (bytes: Buffer) => {
    length += bytes.length;
  });
  request.on('end', () => {
    const body =
      request.url === '/large'
        ? LARGE
        : Buffer.from(JSON.stringify({ method: request.method, url: request.url, length }));
    if (behaviour === 'slow') setTimeout(() => answer(response, body), figure);
    else answer(response, body);
  });
});

function answer(response: ServerResponse, body: Buffer): void {
  const status = behaviour === 'status' ? figure : 200;
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  if (behaviour !== 'reset') response.end(body);
  else response.write(body.subarray(1), () => response.socket?.resetAndDestroy());
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const [word = '', number = '0'] = line.split(' ');
  behaviour = word;
  figure = Number(number);
});

server.listen(Number(port), address, () => {
  const bound = server.address();
  if (typeof bound === 'object' && bound) process.stdout.write(`${bound.port}\n`);
});
