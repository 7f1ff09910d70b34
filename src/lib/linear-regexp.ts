// Regular expressions that users write: run by V8's linear-time engine or not at all, so that no input can make them slow.
import v8 from 'node:v8';

let ready = false;

/**
 * Compiles `source` for the linear-time engine. Throws a SyntaxError that says why when it is not valid there: backreferences,
 * lookahead, groups in a lookbehind and pieces counted out more than 16 times (`x{20}`, nested ones multiplied) are not.
 */
export function compileLinearRegExp(source: string): RegExp {
  if (!ready) {
    // The `l` flag exists only behind this V8 option; expressions without the flag are not affected by it.
    v8.setFlagsFromString('--enable-experimental-regexp-engine');
    ready = true;
  }
  try {
    return new RegExp(source, 'l');
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split(': ').at(-1) ?? '') : '';
    throw new SyntaxError(
      /linear time/.test(reason)
        ? `cannot be run in linear time (no backreferences, no lookahead, no count above {16}): ${source}`
        : `is not a regular expression: ${reason}`,
    );
  }
}

/** What is wrong with an expression as a setting; `undefined` when nothing is. */
export function linearRegExpProblem(source: string): string | undefined {
  try {
    compileLinearRegExp(source);
    return undefined;
  } catch (error) {
    return `the expression ${(error as Error).message}`;
  }
}
