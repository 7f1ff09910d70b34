// Reads cookies of a request (RFC 6265 5.4) and of a response (5.2), and writes one of a response (4.1).

/** The value of the first cookie of that name; '' when there is none. */
export function cookieValue(field: string | undefined, name: string): string {
  for (const pair of field?.split(';') ?? []) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return '';
}

/** The value that a Set-Cookie field gives the cookie of that name; '' when it gives another one. */
export function setCookieValue(field: string, name: string): string {
  return cookieValue(field.split(';', 1)[0], name);
}

export interface CookieAttributes {
  /** Seconds; a cookie without them lives as long as the browser's session. */
  readonly maxAge: number | undefined;
  readonly sameSite: 'lax' | 'strict' | 'none';
  readonly secure: boolean;
}

/** The value of a Set-Cookie field for the whole site, out of reach of scripts. `name` and `value` are tokens. */
export function formatCookie(name: string, value: string, { maxAge, sameSite, secure }: CookieAttributes): string {
  const age = maxAge === undefined ? '' : `; Max-Age=${maxAge}`;
  const site = `${sameSite[0]?.toUpperCase()}${sameSite.slice(1)}`;
  return `${name}=${value}; Path=/${age}; HttpOnly; SameSite=${site}${secure ? '; Secure' : ''}`;
}
