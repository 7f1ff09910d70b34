// Closing a TCP socket behind an alert of TLS that its peer is to read. To bytes that come to a socket that is closed the system answers with a
// reset, and that may overtake the alert.
import type net from 'node:net';

interface Handle {
  readStop?(): number;
}

/** Sends FIN, and reads no more. Whoever closes the socket from here on does nothing; returns how to close it. */
export function closeLate(socket: net.Socket): () => void {
  const { _handle: handle } = socket as unknown as { readonly _handle: Handle | null };
  handle?.readStop?.();
  socket.end();
  const { destroy } = socket;
  // Node's TLS closes the socket that it was on, a moment after it has failed.
  socket.destroy = () => socket;
  return () => {
    socket.destroy = destroy;
    socket.destroy();
  };
}
