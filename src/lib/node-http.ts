// The HTTP of Node.js. An `import` of it looks at everything it exports, and by that loads a WebSocket client too: some 20 ms of the
// time that a gateway takes to start.
export const nodeHttp: typeof import('node:http') = process.getBuiltinModule('node:http');
