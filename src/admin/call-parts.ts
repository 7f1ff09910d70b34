// What the descriptions of many calls of the admin API have in common.
import { problemSchema } from '#schema/admin-schemas.ts';

export const PROBLEM = { 'application/problem+json': { schema: problemSchema } };

/** Of every call that changes something. */
export const CHANGE_ERRORS = {
  401: { description: 'The bearer token is missing or wrong.', content: PROBLEM },
  403: { description: 'No token is configured, or the call comes from a page of another site.', content: PROBLEM },
};

export const TOKEN = [{ token: [] }];
