// The Date field (RFC 9110 5.6.7, 6.6.1).

let lastSecond = -1;
let lastText = '';

/** IMF-fixdate of a time in milliseconds since 1970; the text of one second is made once. */
export function formatHttpDate(wallMs: number): string {
  const second = Math.floor(wallMs / 1000);
  if (second !== lastSecond) {
    lastText = new Date(second * 1000).toUTCString();
    lastSecond = second;
  }
  return lastText;
}
