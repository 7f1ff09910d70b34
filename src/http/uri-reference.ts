// URI references as field values (RFC 3986 2, RFC 9110 10.2.2).

/** Characters that a URI reference cannot hold, percent-encoded, so that a client's input cannot end the field. */
export function encodeUriReference(text: string): string {
  return text.replace(/[^\x21-\x7e]+/g, (characters) =>
    Buffer.from(characters).toString('hex').replace(/../g, '%$&').toUpperCase(),
  );
}
